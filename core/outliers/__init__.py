"""One file an outlier detector, found by discovery."""
