"""Transactions that several writes and reads of one request share."""
