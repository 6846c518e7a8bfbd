"""Search on this machine."""
