"""What a preset consists of: network, augmentation, learning-rate schedule, sampling."""
