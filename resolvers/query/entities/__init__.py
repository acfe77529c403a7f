"""The parts of the catalog about webhooks and bulk jobs."""
