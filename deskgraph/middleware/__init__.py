"""ASGI middleware and the limits of connections."""
