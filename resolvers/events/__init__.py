"""The event log, its broker, and subscriptions to it."""
