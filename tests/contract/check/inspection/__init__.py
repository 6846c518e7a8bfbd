"""Tests of the points that need no run."""
