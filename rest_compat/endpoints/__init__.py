"""The handlers of the documented paths, one module a resource."""
