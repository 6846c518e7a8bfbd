"""Data sets of labelled images: found, read, split, and kept as arrays on disk."""
