"""Many new tickets."""

from collections.abc import Mapping, Sequence

from resolvers import access
from resolvers.commands import validation
from resolvers.commands.batches.outcomes import BatchMode, Outcome, attempt, check_size
from resolvers.commands.new_tickets import new_tickets
from resolvers.commands.ticket_changes import creation
from resolvers.commands.ticket_references import (
    References,
    contact_to_check,
    fit_contact,
    references_of,
)
from resolvers.commands.ticket_rows import columns_of
from resolvers.context import Context
from resolvers.errors import ServiceError
from resolvers.events.log import append_all
from resolvers.viewer import Viewer

_Cleaned = tuple[validation.Cleaned, validation.Problems]


async def create_tickets(
    context: Context, given: Sequence[Mapping[str, object]], mode: BatchMode = BatchMode.EACH
) -> list[Outcome]:
    """Create tickets, in one transaction; returns what came of each, in their order.

    Each is given by the values of ``create_ticket``. Raises ``Invalid`` for too many, or none.
    """
    viewer = context.require_viewer()
    check_size("inputs", len(given))
    cleaned = [_clean(context, values) for values in given]
    async with context.services.database.write() as transaction:
        references = await references_of(transaction, [values for values, _ in cleaned])
        tried = await attempt(
            zip(given, cleaned, strict=True),
            lambda one: _checked(viewer, references, one[0], *one[1]),
            mode,
        )
        rows = [columns_of(one) for one in tried if not isinstance(one, ServiceError)]
        created = []
        if rows:
            created = await new_tickets(transaction, viewer, rows, context.services.clock())
            events = [(ticket, [creation()]) for ticket, _ in created]
            await append_all(context, transaction, events, *(insert for _, insert in created))
    keys = iter(ticket.id for ticket, _ in created)
    return [
        Outcome(None, error=one)
        if isinstance(one, ServiceError)
        else Outcome(next(keys), changed=True)
        for one in tried
    ]


def _clean(context: Context, values: Mapping[str, object]) -> _Cleaned:
    most = context.services.max_text_bytes
    return validation.clean(validation.TICKET, values, partial=False, max_text_bytes=most)


def _checked(
    viewer: Viewer,
    references: References,
    given: Mapping[str, object],
    cleaned: validation.Cleaned,
    problems: validation.Problems,
) -> validation.Cleaned:
    """Return a ticket's values; raises ``Forbidden`` and ``Invalid``."""
    access.require_ticket_create(viewer, set(cleaned) | set(problems) & set(given))
    references.add_problems(viewer, cleaned, problems)
    contact = contact_to_check(cleaned, problems, {})
    if contact is not None:
        fit_contact(references.contacts.get(contact), cleaned, cleaned, problems)
    validation.raise_problems(problems)
    return cleaned
