"""Moving in from the old system: its tables, read only, become ours."""
