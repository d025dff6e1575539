"""One file a clusterer, found by discovery."""
