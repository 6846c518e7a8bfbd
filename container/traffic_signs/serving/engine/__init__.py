"""Pixels -> probabilities: the model in memory, its engine, and the hardware it may use."""
