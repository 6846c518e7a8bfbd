"""Serving container and HTTP client for all scenarios of hosting."""
