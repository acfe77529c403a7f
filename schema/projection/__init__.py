"""From the selection of an operation to the shapes that are read."""
