"""The image, read without being run."""
