"""Telemetry of requests: their records, metrics and log lines. It uses no other package of the server."""
