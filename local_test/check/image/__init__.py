"""Checks of the image itself, without running it."""
