"""The request handler, and the endpoint with one model that is built on it."""
