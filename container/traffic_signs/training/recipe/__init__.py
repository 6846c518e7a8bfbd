"""Components of a preset: network, augmentation, learning-rate schedule, sampling."""
