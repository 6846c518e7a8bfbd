"""The multi-model endpoint: many models, loaded and unloaded while others answer requests."""
