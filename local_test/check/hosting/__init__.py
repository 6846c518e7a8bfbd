"""Checks of a serving container."""
