"""The three transactions of the baseline, as the statements that they run."""

from datetime import UTC, datetime
from uuid import UUID

import orjson

from benchmarks.writes import sql
from benchmarks.writes.desks import Desk, Work
from models.base import new_id
from models.search import SEPARATOR, normalize_search


class Refused(Exception):
    """A row that is written about does not exist."""


class Writes:
    """The three transactions, for one user."""

    def __init__(self, desk: Desk, viewer: UUID) -> None:
        self._desk = desk
        self._viewer = desk.key(viewer)

    def create(self, given: dict[str, str], via: str) -> Work:
        """Create a ticket."""
        key, now = new_id(), datetime.now(UTC)
        at, stored = self._desk.time(now), self._desk.key(key)
        company = self._desk.key(UUID(given["company"]))
        if (yield sql.COMPANY, (company,)) is None:
            raise Refused
        day = f"{now:%Y%m%d}"
        number = f"T-{day}-{(yield sql.COUNT, (day,))['value']:04}"
        subject, description = given["subject"].strip(), given["description"].strip()
        fields = (number, subject, description)
        yield (
            sql.INSERT_TICKET,
            (
                *(stored, *fields, "new", given["priority"].lower(), "general", company, None),
                *(self._viewer, "", 1, at, at, _searched(*fields)),
            ),
        )
        yield self._event("created", stored, company, number, None, "[]", via, at, 1)
        return key

    def comment(self, ticket: UUID, text: str, via: str) -> Work:
        """Comment on a ticket."""
        key, at = new_id(), self._desk.time(datetime.now(UTC))
        stored = self._desk.key(key)
        row = yield self._desk.lock, (self._desk.key(ticket),)
        if row is None:
            raise Refused
        text = text.strip()
        values = (stored, row["id"], self._viewer, text, False, 1, at, at, _searched(text))
        yield sql.INSERT_COMMENT, values
        if row["first_response_at"] is None:
            yield sql.ANSWERED, (row["id"], at)
        told = row["id"], row["company_id"], row["ticket_number"]
        yield self._event("comment_added", *told, stored, "[]", via, at, 1)
        return key

    def change(self, ticket: UUID, subject: str, via: str) -> Work:
        """Change the subject of a ticket."""
        at = self._desk.time(datetime.now(UTC))
        row = yield self._desk.lock, (self._desk.key(ticket),)
        if row is None:
            raise Refused
        if row["subject"] != subject:
            searched = _searched(row["ticket_number"], subject, row["description"])
            yield sql.CHANGE, (row["id"], subject, searched, at)
            entry = {"field": "subject", "from": row["subject"], "to": subject}
            told = row["id"], row["company_id"], row["ticket_number"]
            changes = orjson.dumps([entry]).decode()
            version = row["version"] + 1
            yield self._event("updated", *told, None, changes, via, at, version)
        return ticket

    def _event(
        self,
        type_: str,
        ticket: object,
        company: object,
        number: object,
        comment: object,
        changes: str,
        via: str,
        at: object,
        version: int,
    ) -> tuple[str, tuple[object, ...]]:
        about = (self._desk.key(new_id()), type_, ticket, company, number, comment)
        return self._desk.event, (*about, self._viewer, via, False, changes, at, version)


def _searched(*texts: str) -> str:
    return SEPARATOR.join(normalize_search(text) for text in texts)
