"""The same answers by other means: graphql-core's own executor over rows in memory.

Nothing here is shared with the server but the SDL and the rows: paging, filters, visibility and
computed fields are written again, plainly.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from json import dumps
from typing import Any
from uuid import UUID

from graphql import DocumentNode, GraphQLResolveInfo, GraphQLSchema, execute_sync
from graphql.pyutils import camel_to_snake

from models import Role, TicketPriority, TicketStatus, User
from resolvers.signing import Signer, day_of
from tests.schema.awkward_rows import AllRows
from tests.schema.reference_filters import COLUMNS, FINISHED, matches
from tests.schema.reference_permissions import able, reasons

Row = Any
Order = Sequence[tuple[str, bool]]
NEVER = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
NEWEST: Order = (("created_at", True),)
OLDEST: Order = (("created_at", False),)
BY_NAME: Order = (("name", False),)
ORDERS: Mapping[str, Order] = {
    "Ticket": NEWEST,
    "Comment": OLDEST,
    "Attachment": NEWEST,
    "Company": BY_NAME,
    "Contact": BY_NAME,
    "User": (("date_joined", True),),
    "TicketEvent": (("seq", False),),
}


def order_value(row: Row, field: str) -> Any:
    """Return what a row is sorted by."""
    if field == "due_date":
        return row.due_date or NEVER
    if field == "priority":
        return list(TicketPriority).index(row.priority)
    if field == "status":
        return list(TicketStatus).index(row.status)
    return getattr(row, field)


def text_of(value: Any) -> str:
    """Return a value as cursors have it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)


def cursor_of(signer: Signer, row: Row, order: Order, day: str) -> str:
    """Return the cursor of a row in an order."""
    named = ",".join(f"{'-' if down else ''}{field}" for field, down in order)
    values = [text_of(order_value(row, field)) for field, _ in order]
    return signer.seal(dumps([f"{type(row).__name__}:{named}", *values, str(row.id)]), day)


def order_of(given: Sequence[Mapping[str, str]] | None, entity: str) -> Order:
    """Return an ``orderBy`` argument as fields and whether they descend."""
    chosen: dict[str, bool] = {}
    for part in given or ():
        chosen.setdefault(part["field"].lower(), part.get("direction") == "DESC")
    return tuple(chosen.items()) or ORDERS[entity]


def _position(row: Row, order: Order) -> list[Any]:
    return [*(order_value(row, field) for field, _ in order), row.id]


def _precedes(left: list[Any], right: list[Any], order: Order) -> bool:
    downs = [*(down for _, down in order), order[-1][1]]
    for mine, other, down in zip(left, right, downs, strict=True):
        if mine != other:
            return bool(mine > other if down else mine < other)
    return False


@dataclass
class Reference:
    """One viewer's view of all rows, at one moment."""

    all_rows: AllRows
    viewer: User
    now: datetime
    signer: Signer
    base_url: str

    def __post_init__(self) -> None:
        self.by_id = {row.id: row for row in self.all_rows.all()}

    def answer(
        self, schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]
    ) -> Any:
        """Execute a document; it must not fail."""
        result = execute_sync(
            schema,
            document,
            variable_values=variables,
            field_resolver=self.resolve,
            type_resolver=lambda row, *_: type(row).__name__,
        )
        if result.errors:
            raise result.errors[0]
        return result.data

    def resolve(self, source: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:
        """Resolve any field."""
        if source is None:
            return self._root(info.field_name, args)
        if isinstance(source, dict):
            return source[info.field_name]
        special: Callable[..., Any] | None = getattr(self, f"_{info.field_name}", None)
        return special(source, **args) if special else self.field(source, info.field_name)

    def _root(self, name: str, args: dict[str, Any]) -> Any:
        if name == "viewer":
            return self.viewer
        if name == "node":
            return self._find(args["id"])
        if name == "nodes":
            return [self._find(id_) for id_ in args["ids"]]
        if name == "ticket":
            if args.get("id") is not None:
                found = self._find(args["id"])
                return found if found in self.all_rows.tickets else None
            numbered = (t for t in self.all_rows.tickets if t.ticket_number == args["ticketNumber"])
            return next(filter(self.sees, numbered), None)
        return self.connection(getattr(self.all_rows, name), args)

    def _find(self, id_: str) -> Row:
        try:
            row = self.by_id.get(UUID(id_))
        except ValueError:
            return None
        return row if row is not None and (self.sees(row) or self._is_shown(row)) else None

    def _is_shown(self, user: Row) -> bool:
        """Tell whether something that the viewer sees leads to a user."""
        columns = ("assigned_to_id", "created_by_id", "author_id", "uploaded_by_id", "actor_id")
        return (isinstance(user, User) and user.role is not Role.CUSTOMER) and any(
            getattr(row, column, None) == user.id and self.sees(row)
            for row in self.all_rows.all()
            for column in columns
        )

    def sees(self, row: Row) -> bool:
        """Tell whether a row exists for the viewer."""
        own = self.viewer.company_id
        if self.viewer.role is not Role.CUSTOMER:
            return True
        kind = type(row).__name__
        if kind == "TicketEvent":
            return bool(row.company_id == own and not row.is_internal)
        if kind in ("Comment", "Attachment"):
            public = kind == "Attachment" or not row.is_internal
            return public and self.by_id[row.ticket_id].company_id == own
        if kind == "User":
            return row is self.viewer or row.company_id == own
        return bool((row.id if kind == "Company" else row.company_id) == own)

    def field(self, row: Row, name: str) -> Any:
        """Return a field as the viewer is shown it."""
        key = camel_to_snake(name)
        if key in COLUMNS:
            found = self.by_id.get(getattr(row, COLUMNS[key]))
            anyone = key in ("assigned_to", "created_by", "author", "uploaded_by", "actor")
            if found is None or self.sees(found):
                return found
            return found if anyone and found.role is not Role.CUSTOMER else None
        value = getattr(row, key)
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return value.name if isinstance(value, StrEnum) else value

    # Fields that are more than a column; each is found by the name it has in the schema.

    def _tags(self, row: Row) -> list[str]:
        return [tag.strip(" ") for tag in row.tags.split(",") if tag.strip(" ")]

    def _fullName(self, row: Row) -> str:  # noqa: N802
        return f"{row.first_name} {row.last_name}".strip(" ")

    def _detail(self, row: Row, name: str) -> str | None:
        shown = not isinstance(row, User) or row is self.viewer or self.viewer.role is Role.ADMIN
        return getattr(row, name) if shown else None

    def _email(self, row: Row) -> str | None:
        return self._detail(row, "email")

    def _phone(self, row: Row) -> str | None:
        return self._detail(row, "phone")

    def _notes(self, row: Row) -> str | None:
        return None if self.viewer.role is Role.CUSTOMER else row.notes

    def _hours(self, start: datetime, end: datetime | None) -> float | None:
        if end is None:
            return None
        exact = Decimal(str((end - start).total_seconds())) / 3600
        return float(exact.quantize(Decimal("0.01"), ROUND_HALF_UP))

    def _firstResponseTimeHours(self, row: Row) -> float | None:  # noqa: N802
        return self._hours(row.created_at, row.first_response_at)

    def _resolutionTimeHours(self, row: Row) -> float | None:  # noqa: N802
        return self._hours(row.created_at, row.resolved_at)

    def _isOverdue(self, row: Row) -> bool:  # noqa: N802
        return row.due_date is not None and row.due_date < self.now and row.status not in FINISHED

    def _comments_of(self, row: Row) -> list[Row]:
        return [c for c in self.all_rows.comments if c.ticket_id == row.id and self.sees(c)]

    def _commentsCount(self, row: Row) -> int:  # noqa: N802
        return sum(not comment.is_internal for comment in self._comments_of(row))

    def _internalNotesCount(self, row: Row) -> int:  # noqa: N802
        return sum(comment.is_internal for comment in self._comments_of(row))

    def _comments(self, row: Row, **args: Any) -> Any:
        return self.connection(self._comments_of(row), args)

    def _attachments(self, row: Row) -> list[Row]:
        found = [a for a in self.all_rows.attachments if a.ticket_id == row.id and self.sees(a)]
        return self.sorted(found, NEWEST)

    def _contacts(self, row: Row, **args: Any) -> Any:
        return self.connection((c for c in self.all_rows.contacts if c.company_id == row.id), args)

    def _tickets(self, row: Row, **args: Any) -> Any:
        column = f"{type(row).__name__.lower()}_id"
        found = (t for t in self.all_rows.tickets if getattr(t, column) == row.id)
        return self.connection(found, args)

    def _assignedTickets(self, row: Row, **args: Any) -> Any:  # noqa: N802
        found = (t for t in self.all_rows.tickets if t.assigned_to_id == row.id)
        return self.connection(found, args)

    def _history(self, row: Row, **args: Any) -> Any:
        found = (e for e in self.all_rows.ticketEvents if e.ticket_id == row.id)
        return self.connection(found, args)

    def _cursor(self, row: Row) -> str:
        return cursor_of(self.signer, row, ORDERS["TicketEvent"], day_of(self.now))

    def _via(self, row: Row) -> str:
        return str(row.via).upper()

    def _changes(self, row: Row) -> list[dict[str, Any]]:
        return [
            {
                "field": entry["field"],
                "from": self._told(entry["field"], entry["from"]),
                "to": self._told(entry["field"], entry["to"]),
                "excerptStart": entry.get("excerpt_start"),
                "fromLength": entry.get("from_length"),
                "toLength": entry.get("to_length"),
            }
            for entry in row.changes
        ]

    def _told(self, field: str, value: Any) -> str | None:
        if isinstance(value, bool):
            return str(value).lower()
        if field in ("company", "contact") and value is not None:
            return value if self._find(value) else None
        return value  # type: ignore[no-any-return]

    def _viewerCan(self, row: Row) -> dict[str, bool]:  # noqa: N802
        return able(self.viewer, row)

    def _viewerCannotReasons(self, row: Row) -> list[dict[str, str]]:  # noqa: N802
        return reasons(self.viewer, row)

    def _downloadUrl(self, row: Row, expiresIn: int) -> str:  # noqa: N802, N803
        expires = str(int(self.now.timestamp()) + expiresIn)
        mac = self.signer.media_signature(row.key, expires, day_of(self.now))
        return f"{self.base_url}/media/{row.key}?expires={expires}&signature={mac}"

    def sorted(self, rows: Sequence[Row], order: Order) -> list[Row]:
        """Sort by an order: first by the id, then by its fields from the last to the first."""
        found = sorted(rows, key=lambda row: row.id, reverse=order[-1][1])
        for field, down in reversed(order):
            found.sort(key=lambda row: order_value(row, field), reverse=down)
        return found

    def connection(self, rows: Any, args: dict[str, Any]) -> dict[str, Any]:
        """Return a page of the visible rows, as Relay's specification has it."""
        given = dict(args.get("filter") or {})
        given |= {k: args[k] for k in ("isInternal", "search") if args.get(k) is not None}
        found = [row for row in rows if self.sees(row) and matches(self, given, row)]
        if not found:
            empty = {"hasNextPage": False, "hasPreviousPage": False}
            info = {**empty, "startCursor": None, "endCursor": None}
            return {"edges": [], "nodes": [], "pageInfo": info, "totalCount": 0}
        order = order_of(args.get("orderBy"), type(found[0]).__name__)
        if args.get("direction"):
            order = [(field, args["direction"] == "DESC") for field, _ in order]
        found = self.sorted(found, order)
        inside, outside_before, outside_after = self._slice(found, order, args)
        if args.get("last") is not None:
            page = inside[max(0, len(inside) - args["last"]) :]
            previous, following = len(page) < len(inside), outside_after
        else:
            first = args.get("first")
            page = inside[: 20 if first is None else first]
            previous, following = outside_before, len(page) < len(inside)
        cursors = [cursor_of(self.signer, row, order, day_of(self.now)) for row in page]
        ends = {"startCursor": cursors[0], "endCursor": cursors[-1]} if page else {}
        info = {"hasNextPage": following, "hasPreviousPage": previous}
        return {
            "edges": [{"cursor": c, "node": row} for c, row in zip(cursors, page, strict=True)],
            "nodes": page,
            "pageInfo": {**info, "startCursor": None, "endCursor": None, **ends},
            "totalCount": len(found),
        }

    def _slice(
        self, rows: list[Row], order: Order, args: dict[str, Any]
    ) -> tuple[list[Row], bool, bool]:
        """Return the rows between two cursors, and whether some lie before and after them."""
        inside, before, after = rows, False, False
        for name in ("after", "before"):
            if not args.get(name):
                continue
            position = _position(self.by_id[UUID(self.signer.open(args[name])[-1])], order)
            if name == "after":
                kept = [r for r in rows if _precedes(position, _position(r, order), order)]
                before = len(kept) < len(rows)
            else:
                kept = [r for r in rows if _precedes(_position(r, order), position, order)]
                after = len(kept) < len(rows)
            inside = [row for row in inside if row in kept]
        return inside, before, after
