"""A local SageMaker: runs an image, or the bare programs, as the platform does."""
