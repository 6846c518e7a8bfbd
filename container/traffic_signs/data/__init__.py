"""Data sets of labelled images: discovery, reading, splitting, and storage as arrays."""
