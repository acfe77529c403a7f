"""The writes: one module a noun, and the rules of what is written."""
