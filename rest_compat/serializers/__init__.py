"""What responses have, and how the fields of requests are read."""
