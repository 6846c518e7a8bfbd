"""The peers, a few lines each by their own documentation; they run in the bench's image, on one core.

All but `predict` share `model`: the same decoders, the same engine, the same encoder.
"""
