"""What is known of requests: their records, metrics, log lines. It uses no other package of the server."""
