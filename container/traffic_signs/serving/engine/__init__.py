"""Pixels -> probabilities: the loaded model, its engine, and the hardware it may use."""
