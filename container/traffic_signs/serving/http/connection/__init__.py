"""One HTTP connection: the protocol class, its limits on request heads and time, its writes."""
