"""Requests to an endpoint, on this machine or SageMaker's, and what is made of the answers."""
