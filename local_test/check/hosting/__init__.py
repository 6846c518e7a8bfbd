"""Serving containers under the platform's conditions."""
