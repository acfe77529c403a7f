"""Undoing changes: what is kept for it, and what it does."""
