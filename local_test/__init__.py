"""Local SageMaker: runs an image, or programs on the host, as the platform does."""
