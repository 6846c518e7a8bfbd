"""Encoded images -> pixels: the shared preprocessing, and its limits on time and memory."""
