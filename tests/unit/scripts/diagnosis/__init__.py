"""Logs of real failures, and what the doctor says of them."""
