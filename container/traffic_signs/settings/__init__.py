"""Strings from SageMaker -> frozen settings, parsed once: of a training job, and of the server."""
