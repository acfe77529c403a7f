"""Which events can be undone, and why others cannot."""
