"""Logins, sessions, tokens, passwords and viewers."""
