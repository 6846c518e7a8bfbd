"""One HTTP connection: the protocol class, its limits on heads and time, its writes."""
