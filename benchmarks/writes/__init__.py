"""Writes beside the baseline: the same transactions in bare Starlette."""
