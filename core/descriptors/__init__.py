"""One file a descriptor, found by discovery."""
