"""The log, with a line for each request, and the metrics."""
