"""Bulk jobs: more tickets than one request writes, in batches that any process may do.

A job is started by a request (``starting``, ``undoing``), which stores what is to be done. A runner
in each process (``deskgraph/bulk``) takes the jobs that are open, each user's one after the other,
and does batch after batch (``batch``). A batch is one transaction with what it records of itself:
events, errors and how far the job is. So no process can do one twice, wherever it is killed.

What a job does is its kind (``kinds.JobKind``), of which there is one for each ``BulkJobKind``. A
kind has two methods:

- ``prepare(context, job)`` reads the next batch, before the transaction begins: from the row of
  ``bulk_job_batches`` with the number ``job.batch``, or from a file at ``job.bookmark``.
- ``write(context, job, prepared)`` does it in the transaction of ``context``, by the functions of
  ``resolvers.commands``, and returns a ``BatchResult``: what became of each item, whether it was
  the last batch, and the bookmark of the next one. ``context`` has the job's creator as viewer, as
  they are now.

An error of one item belongs into its ``ItemResult``. A ``ServiceError`` that ``write`` or
``prepare`` raises fails the job with its text as the reason, apart from ``Unavailable``: then the
batch is undone and tried again, as it is after any other exception. What ``prepare`` has read is
thrown away if another process has done the batch meanwhile.

A job is stored by ``jobs.add_job``, in the transaction of the request that starts it, and begun by
``jobs.wake_runner`` after that. To add a kind: a value of ``BulkJobKind`` with a migration, a class
like those of ``tickets``, its line in ``kinds_of`` of ``deskgraph/bulk/runner.py``, and a function
like ``starting.start_update``.
"""
