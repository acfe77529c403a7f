"""Tickets as a file: a link that is sealed for a viewer, and the pages that it is written from."""
