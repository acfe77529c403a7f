"""Filters: what may be asked of rows, and the SQL of it."""
