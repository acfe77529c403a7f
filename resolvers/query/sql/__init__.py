"""SQL elements of our own, and how each database writes them."""
