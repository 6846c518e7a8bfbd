"""Points about a container's start, load and stop, most of them in a container of their own."""
