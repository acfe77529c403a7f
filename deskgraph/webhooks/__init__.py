"""Sending events to webhooks: from the log, through the database, to their receivers.

A write only appends to the log. ``queue`` takes events from there, each exactly once for each
webhook, into rows that are to be delivered, and gives each of those to one process at a time.
``deliverer`` runs in every process and sends them with ``sender``.
"""
