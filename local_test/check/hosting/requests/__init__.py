"""Points that one running container is asked about."""
