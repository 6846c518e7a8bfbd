"""Text formats of requests: JSON, JSON lines and CSV."""
