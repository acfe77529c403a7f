"""Backups: the database as of one moment with the files that it names, and bringing them back."""
