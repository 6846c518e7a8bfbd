"""A container that serves, and HTTP to it, for all scenarios of hosting."""
