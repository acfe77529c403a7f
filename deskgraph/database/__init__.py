"""Connections, readers and writers of SQLite and PostgreSQL."""
