"""Imports an old system's tables, which are only read."""
