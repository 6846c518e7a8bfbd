"""Sources of images: GTSRB as published, a folder per class, synthetic signs, the GTSRB download."""
