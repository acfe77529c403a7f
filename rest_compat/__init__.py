"""The REST face: the documented ``/api/v1/`` paths onto the same resolvers as GraphQL."""

from rest_compat.routes import rest_routes

__all__ = ["rest_routes"]
