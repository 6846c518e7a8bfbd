"""The request handler, and the endpoint that serves one model with it."""
