"""Peer servers, written as their documentation shows; they run in the benchmark's image, on one core.

All but `predict` share the decoders, the engine and the encoder in `model`.
"""
