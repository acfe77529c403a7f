"""The operations of bulk jobs."""
