"""Measurements of this server beside the same work written by hand."""
