"""Chooses arguments for made documents: pages, filters, orders and ids, all of them acceptable."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_list_type,
)

from resolvers.signing import Signer
from tests.schema.awkward_rows import AllRows
from tests.schema.reference import cursor_of, order_of
from tests.support.clock import NOON
from tests.support.rows import key

SEARCHES = (
    "broke",
    "0%",
    "_",
    '"',
    '"a b"',
    "東京",
    "ünï",
    "QUOTED back",
    "it's",
    "",
    "1, 2",
    "T-2025",
)
TAGS = ("vip", "zone", "a", "a b", "100%", "", "nothing", "x")


@dataclass
class ArgumentValues:
    """Chooses at random among what the rows make interesting."""

    random: Random
    all_rows: AllRows
    signer: Signer

    def __post_init__(self) -> None:
        all_rows = self.all_rows
        self.rows: dict[str, list[Any]] = {
            "Ticket": all_rows.tickets,
            "Comment": all_rows.comments,
            "Company": all_rows.companies,
            "Contact": all_rows.contacts,
            "User": all_rows.users,
            "TicketEvent": all_rows.ticketEvents,
        }

    def __call__(
        self, type_: GraphQLObjectType, name: str, definition: GraphQLField
    ) -> dict[str, Any]:
        """Return arguments for a field."""
        returned = get_named_type(definition.type).name
        if returned.endswith("Connection"):
            return self._page(returned.removesuffix("Connection"), definition)
        if name == "node":
            return {"id": self._id()}
        if name == "nodes":
            return {"ids": [self._id() for _ in range(self.random.randint(0, 6))]}
        if name == "ticket" and definition.args:
            row = self.random.choice(self.all_rows.tickets)
            id_ = self.random.choice([str(row.id), self._id()])
            return self.random.choice([{"id": id_}, {"ticketNumber": row.ticket_number}])
        if name == "downloadUrl" and self._chance(0.5):
            return {"expiresIn": self.random.randint(1, 86400)}
        return {}

    def _chance(self, of: float) -> bool:
        return self.random.random() < of

    def _id(self) -> str:
        id_ = self.random.choice(self.all_rows.all()).id
        spellings = [str(id_), str(id_).upper(), id_.hex, f"{{{id_}}}", str(key("none")), "no id"]
        return str(self.random.choice([str(id_), *spellings]))

    def _page(self, entity: str, definition: GraphQLField) -> dict[str, Any]:
        if entity not in self.rows:
            return {}  # There are none of these.
        given: dict[str, Any] = {}
        if self._chance(0.6):
            given[self.random.choice(["first", "last"])] = self.random.choice([0, 1, 2, 3, 7, 100])
        if "filter" in definition.args and self._chance(0.5):
            given["filter"] = self._filter(get_named_type(definition.args["filter"].type), 2)
        if "orderBy" in definition.args and self._chance(0.5):
            given["orderBy"] = self._order()
        if "isInternal" in definition.args and self._chance(0.4):
            given["isInternal"] = self._chance(0.5)
        if "search" in definition.args and self._chance(0.4):
            given["search"] = self.random.choice(SEARCHES)
        order = order_of(given.get("orderBy"), entity)
        if "direction" in definition.args and self._chance(0.5):
            given["direction"] = self.random.choice(["ASC", "DESC"])
            order = [(field, given["direction"] == "DESC") for field, _ in order]
        for name in ("after", "before"):
            if self._chance(0.2):
                row = self.random.choice(self.rows[entity])
                cursor = cursor_of(self.signer, row, order, "20250101")
                given[name] = "" if self._chance(0.2) else cursor
        return given

    def _order(self) -> list[dict[str, str]]:
        fields = ("CREATED_AT", "UPDATED_AT", "DUE_DATE", "PRIORITY", "STATUS", "TICKET_NUMBER")
        found = []
        for field in self.random.choices(fields, k=self.random.randint(0, 3)):
            direction = self.random.choice([{}, {"direction": "ASC"}, {"direction": "DESC"}])
            found.append({"field": field, **direction})
        return found

    def _filter(self, type_: Any, depth: int) -> dict[str, Any]:
        names = [name for name in type_.fields if depth > 0 or name not in ("and", "or", "not")]
        chosen = self.random.sample(names, k=min(len(names), self.random.choice([0, 1, 1, 2])))
        return {name: self._condition(name, type_.fields[name].type, depth) for name in chosen}

    def _condition(self, name: str, type_: Any, depth: int) -> Any:
        if self._chance(0.08):
            return None
        named = get_named_type(type_)
        if name in ("and", "or"):
            return [self._filter(named, depth - 1) for _ in range(self.random.randint(0, 3))]
        if name in ("not", "tickets"):
            return self._filter(named, depth - 1)
        if name == "search":
            return self.random.choice(SEARCHES)
        if isinstance(named, GraphQLInputObjectType):
            return self._comparator(named)
        return self._chance(0.5)

    def _comparator(self, type_: GraphQLInputObjectType) -> dict[str, Any]:
        found: dict[str, Any] = {}
        count = self.random.choice([0, 1, 1, 1, 2])
        for name in self.random.sample(list(type_.fields), k=min(count, len(type_.fields))):
            operand = type_.fields[name].type
            if self._chance(0.08):
                found[name] = None
            elif is_list_type(operand):
                size = self.random.randint(0, 4)
                found[name] = [self._operand(get_named_type(operand)) for _ in range(size)]
            else:
                found[name] = self._operand(operand)
        return found

    def _operand(self, type_: Any) -> Any:
        if isinstance(type_, GraphQLEnumType):
            return self.random.choice(list(type_.values))
        if type_.name == "ID":
            return str(self.random.choice(self.all_rows.all()).id)
        if type_.name == "Boolean":
            return self._chance(0.5)
        return self._time() if type_.name == "DateTime" else self.random.choice(TAGS)

    def _time(self) -> str:
        at: datetime = NOON - timedelta(hours=self.random.randint(-3, 30))
        return self.random.choice([at.isoformat(), at.isoformat().replace("+00:00", "Z")])
