"""Checks of what the database holds."""

from sqlalchemy import func, select

from deskgraph.checks.running import Desk, Finding, failed, ok, warning
from deskgraph.database.ticket_counts.recount import wrong_counts
from deskgraph.demo.logins import usernames, working_logins
from deskgraph.transfer.state import find_state
from models import Webhook, WebhookDelivery, WebhookDeliveryState, table_of

_webhooks = table_of(Webhook).c
_deliveries = table_of(WebhookDelivery).c


async def unfinished_import(desk: Desk) -> Finding:
    """Whether all rows of an export that was imported here have come."""
    async with desk.database.engine.connect() as connection:
        found = await find_state(connection)
    if found is not None and not found[1].done:
        return failed('An import has not ended: run "deskgraph import" again.')
    return ok("No import is unfinished.")


async def demo_logins(desk: Desk) -> Finding:
    """Whether the public password of the demo lets somebody in."""
    if not desk.settings.production:
        return ok("The server is in development, where logins of the demo may be.")
    if names := await working_logins(desk.database, usernames()):
        return failed(f"Logins have the demo's password, which is public: {', '.join(names)}.")
    return ok("No login has the demo's password.")


async def counts(desk: Desk) -> Finding:
    """Whether the counts of tickets are right."""
    if wrong := await wrong_counts(desk.database):
        return failed(
            f'Counts of tickets that are wrong: {len(wrong)}. Run "deskgraph counts rebuild".'
        )
    return ok("All counts of tickets are right.")


async def webhooks(desk: Desk) -> Finding:
    """Whether webhooks are disabled for failing, or have deliveries that nobody tries again."""
    set_aside = _deliveries.state == WebhookDeliveryState.SET_ASIDE
    async with desk.database.engine.connect() as connection:
        disabled = await connection.scalar(
            select(func.count()).where(_webhooks.disabled_reason.is_not(None))
        )
        left = await connection.scalar(select(func.count()).where(set_aside))
    problems = []
    if left:
        problems.append(f"Deliveries that failed: {left}.")
    if disabled:
        problems.append(f"Webhooks that were disabled because they failed: {disabled}.")
    return warning(" ".join(problems)) if problems else ok("No delivery has failed.")
