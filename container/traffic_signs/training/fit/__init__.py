"""The training loop: steps, progress, checkpoints, and how they are spread over devices and hosts."""
