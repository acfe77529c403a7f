"""Tickets from a file: as a bulk job whose batches are read from the file store.

``start`` looks through the file while it is stored (``records``, ``layout``): what makes all of it
unusable is refused before there is a job. Each batch (``job``) reads its records, turns them into
values (``rows``, ``values``), finds what they refer to by name (``names``), and creates tickets as
``createTickets`` does. A row that is refused is stored as it was in the file, in the batch's
transaction (``rejects``), for a file that can be corrected and imported again.
"""
