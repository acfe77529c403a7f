"""The log: its lines, and what each request leaves in it."""
