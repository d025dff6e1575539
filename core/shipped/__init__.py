"""The run that the first screen shows, as a read-only layer of the store; see `make.py`."""
