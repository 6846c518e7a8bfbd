"""Training loop: steps, progress, checkpoints, and their distribution over devices and hosts."""
