"""The queries, mutations and subscriptions."""
