"""Where files are stored."""
