"""Training benchmark: `make bench-training`."""
