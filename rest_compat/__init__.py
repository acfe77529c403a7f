"""The REST API: the documented ``/api/v1/`` paths, over the same resolvers as GraphQL."""

from rest_compat.routes import rest_routes

__all__ = ["rest_routes"]
