"""Errors of GraphQL responses: their codes, their messages, what is redacted."""
