"""Reads from streaming replicas of PostgreSQL that have all that the primary has."""
