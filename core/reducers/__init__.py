"""One file a reducer, found by discovery."""
