"""Facette's core: everything the app does, usable from a notebook. No Streamlit in here."""

__version__ = "0.1.0"
