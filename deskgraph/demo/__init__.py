"""Demo data for development: who can log in, and how it is made and loaded."""
