"""Clients of local and SageMaker endpoints, and reports on their answers."""
