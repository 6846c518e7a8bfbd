"""Checks of training jobs."""
