"""Searches of several types at once: what they find, in which order, and cut out of which texts."""
