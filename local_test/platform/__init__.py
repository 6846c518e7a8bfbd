"""Local stand-in for SageMaker: it writes /opt/ml, and starts, watches and stops containers."""
