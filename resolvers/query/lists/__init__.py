"""Lists and connections: which rows they have, and how these are written."""
