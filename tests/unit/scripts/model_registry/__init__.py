"""The model registry: what a package says of its model."""
