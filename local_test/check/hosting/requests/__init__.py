"""Points decided by requests to one running container."""
