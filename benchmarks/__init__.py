"""Measurements of this server beside the same work in a baseline."""
