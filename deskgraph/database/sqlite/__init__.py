"""SQLite: threads that own connections, and one connection that all writers share."""
