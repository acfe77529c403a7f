"""Long proofs: ``make proofs`` runs them at full size; the suite runs small versions of most.

``@pytest.mark.proof`` marks a test that only ``make proofs`` runs: the suite deselects it. With
``small=True`` the suite runs it as well, at the size that the test gives for it.
"""

import os
import re
from collections.abc import Collection
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

LONG = os.environ.get("DESKGRAPH_PROOFS") == "1"
# How many random examples to try, others each time: the targets for fuzzing give it.
EXAMPLES = int(os.environ.get("DESKGRAPH_PROOFS_EXAMPLES", "0"))
# The suite runs these on both databases: they are about statements, locks, transactions and
# indexes, which differ by the database. It runs all other tests on SQLite.
ON_BOTH = (
    "tests/bulk/test_plans.py",
    "tests/concurrency/test_batches.py",
    "tests/concurrency/test_creates.py",
    "tests/concurrency/test_keyed_writes.py",
    "tests/concurrency/test_order.py",
    "tests/concurrency/test_ticket_counts.py",
    "tests/concurrency/test_writers.py",
    "tests/crashes/",
    "tests/deskgraph/backup/test_backup.py::test_a_backup_of_a_server_at_work_is_of_one_moment",
    "tests/deskgraph/backup/test_backup.py::test_everything_comes_back",
    "tests/deskgraph/backup/test_progress.py",
    "tests/deskgraph/cli/test_checks.py::test_rows_that_are_wrong",
    "tests/deskgraph/database/replicas/",
    "tests/deskgraph/database/test_database.py",
    "tests/deskgraph/database/test_event_signal.py",
    "tests/deskgraph/database/test_failures.py",
    "tests/deskgraph/database/test_many_rows.py",
    "tests/deskgraph/database/test_migrate.py::test_migrations_and_models_give_the_same_schema",
    "tests/deskgraph/database/test_migrate.py::test_processes_that_migrate_at_once_all_succeed",
    "tests/deskgraph/database/test_migrate.py::test_what_was_written_before_is_found_by_searches",
    "tests/deskgraph/database/test_rate_buckets.py",
    "tests/deskgraph/database/test_readers.py",
    "tests/deskgraph/database/test_transactions.py",
    "tests/deskgraph/database/test_trigrams.py",
    "tests/deskgraph/database/test_waits.py",
    "tests/deskgraph/transfer/",
    "tests/live/test_resuming.py",
    "tests/outages/",
    "tests/resolvers/commands/test_batches.py",
    "tests/resolvers/commands/test_tickets.py",
    "tests/resolvers/commands/undo/test_restoring.py",
    "tests/resolvers/events/",
    "tests/resolvers/query/",
    "tests/rest_compat/lists/test_lists.py",
    "tests/schema/inputs/",
    "tests/schema/operations/test_connections.py",
    "tests/schema/operations/test_nodes.py",
    "tests/schema/operations/test_search",
    "tests/schema/operations/test_statistics.py",
    "tests/schema/operations/test_ticket_plans.py",
    "tests/schema/projection/test_indexes.py",
    "tests/schema/projection/test_projection_property.py",
    "tests/schema/projection/test_statement_counts.py",
    "tests/schema/units/",
    "tests/webhooks/test_enqueue.py",
    "tests/webhooks/test_processes.py",
)
# Tables with a test a row, of which the suite runs a third, and always the same.
TABLES = (
    "tests/viewers/test_equivalents.py",
    "tests/viewers/test_matrix.py::test_a_mutation_ends_as_its_row_says",
    "tests/viewers/test_matrix.py::test_a_path_answers_as_its_row_says",
    "tests/viewers/test_matrix.py::test_a_query_shows_what_its_row_says",
)
_OF_POSTGRES = re.compile(r"[\[-]postgres[\]-]")


def on(small: str) -> pytest.MarkDecorator:
    """Run a proof on one kind of database in the suite, and on both in the long run."""
    kinds = [
        pytest.param(kind, marks=pytest.mark.proof(small=kind == small))
        for kind in ("sqlite", "postgres")
    ]
    return pytest.mark.parametrize("backend", kinds, indirect=True)


def pairs(
    name: str, values: Collection[object], *, small: Collection[tuple[str, object]]
) -> pytest.MarkDecorator:
    """Run a proof with each value on each kind of database, with ``small`` of them in the suite."""
    every = [(kind, value) for kind in ("sqlite", "postgres") for value in values]
    given = [pytest.param(*pair, marks=pytest.mark.proof(small=pair in small)) for pair in every]
    return pytest.mark.parametrize(("backend", name), given, indirect=["backend"])


def examples(small: int, long: int, *, share: int = 1) -> settings:
    """Return the settings of a random test, of which there are ``share`` for each example."""
    return settings(
        max_examples=max(EXAMPLES // share, 1) if EXAMPLES else long if LONG else small,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def draw_the_same_everywhere() -> None:
    """Let random tests try the same on every machine, unless they are told how much to try.

    Hypothesis also draws the constants of those modules of the project that its process has
    imported, so what is tried would depend on the tests before.
    """
    if not EXAMPLES:
        # There is no setting for it.
        vars(providers)["is_local_module_file"] = lambda _path: False


def in_suite(item: pytest.Item) -> bool:
    """Whether the suite runs a test."""
    return all(proof.kwargs.get("small") for proof in item.iter_markers("proof"))


def mark(item: pytest.Item) -> None:
    """Make a proof of a test that the suite leaves out: on PostgreSQL, or a row of a long table."""
    on_sqlite = not item.nodeid.startswith(ON_BOTH)
    if on_sqlite and _OF_POSTGRES.search(item.nodeid):
        item.add_marker("proof")
    if item.nodeid.startswith(TABLES) and crc32(item.nodeid.encode()) % 3:
        item.add_marker("proof")
