"""A browser page to try an endpoint by hand."""
