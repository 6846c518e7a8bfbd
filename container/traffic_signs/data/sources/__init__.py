"""Sources of images: files listed and recognised as a layout, synthetic signs, the GTSRB download."""
