"""Benchmarks; `make bench-...` runs them, pytest does not."""
