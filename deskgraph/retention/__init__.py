"""Removing what is older than the settings allow: events, deliveries, sessions, deleted rows."""
