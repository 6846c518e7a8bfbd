"""The commands for an endpoint, on the side of its caller."""
