"""The asynchronous HTTP server: gunicorn's processes, uvicorn's HTTP, limits and an ASGI application of our own."""
