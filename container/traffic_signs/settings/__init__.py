"""Settings of a training job and of the server: frozen, parsed once from SageMaker's strings."""
