"""Bytes of a request -> arrays, probabilities -> bytes of the response."""
