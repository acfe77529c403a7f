"""Tickets as files: exports and imports."""
