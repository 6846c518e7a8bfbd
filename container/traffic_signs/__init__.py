"""Traffic-sign classifier for Amazon SageMaker: what runs inside the container."""

__version__ = "0.1.0"
