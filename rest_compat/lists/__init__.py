"""Lists: their parameters, filters and pages."""
