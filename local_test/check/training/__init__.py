"""Training jobs under the platform's conditions."""
