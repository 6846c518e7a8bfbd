"""The asynchronous HTTP server: gunicorn's processes, uvicorn's HTTP, the project's limits and ASGI application."""
