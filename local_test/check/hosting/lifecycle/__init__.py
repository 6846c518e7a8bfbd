"""Points about a container's start, load and end, most in containers of their own."""
