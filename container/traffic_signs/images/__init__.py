"""Encoded images -> pixels: the one preprocessing, and the limits on what decoding may cost."""
