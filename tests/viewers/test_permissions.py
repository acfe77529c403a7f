"""What ``viewerCan`` says is what the mutations then do, for everybody and every action."""

from typing import Any

import pytest

from models import Role, User
from tests.support.clock import NOON
from tests.support.rows import key
from tests.viewers.asking import ApiClients
from tests.viewers.table import SCHEMA, Write

pytestmark = pytest.mark.anyio

# An Admin, staff of each other role, the customer who created it or wrote it, a colleague, a
# customer of another company, and nobody.
OTHERS = {"sally": Role.SALES, "fiona": Role.FINANCE, "mira": Role.MUSIC}
STAFF = ("admin", "keith", *OTHERS)
VIEWERS = (*STAFF, "carla", "colin", "olga", None)
TICKET, COMMENT = "volume", "own"
# Every field of each action: all of them have to be refused, or none. Nothing follows a deletion.
WRITES: dict[str, dict[str, list[Write]]] = {
    "Ticket": {
        "update": [
            Write("updateTicket", {"id": f"<{TICKET}>", **given}, ())
            for given in (
                {"subject": "New"},
                {"description": "New"},
                {"tags": ["new"]},
                {"contactId": "<john>"},
            )
        ],
        "changeStatus": [Write("updateTicket", {"id": f"<{TICKET}>", "status": "CLOSED"}, ())],
        "manage": [
            Write("updateTicket", {"id": f"<{TICKET}>", **given}, ())
            for given in (
                {"priority": "LOW"},
                {"category": "BILLING"},
                {"companyId": "<hilton>"},
                {"dueDate": "2026-01-01T00:00:00Z"},
            )
        ],
        "assign": [
            Write("assignTicket", {"id": f"<{TICKET}>", "userId": "<keith>"}, ()),
            Write("updateTicket", {"id": f"<{TICKET}>", "assignedToId": "<keith>"}, ()),
            Write("updateTicket", {"id": f"<{TICKET}>", "assignedTeam": "MUSIC"}, ()),
        ],
        "comment": [Write("addComment", {"ticketId": f"<{TICKET}>", "text": "New"}, ())],
        "addInternalNote": [
            Write("addComment", {"ticketId": f"<{TICKET}>", "text": "N", "isInternal": True}, ())
        ],
        "attachFile": [Write("uploadAttachment", {"ticketId": f"<{TICKET}>", "file": None}, ())],
        "delete": [Write("deleteTicket", {"id": f"<{TICKET}>"}, ())],
    },
    "Comment": {
        "update": [Write("updateComment", {"id": f"<{COMMENT}>", "text": "New"}, ())],
        "makeInternal": [Write("updateComment", {"id": f"<{COMMENT}>", "isInternal": True}, ())],
        "delete": [Write("deleteComment", {"id": f"<{COMMENT}>"}, ())],
    },
}
MINE = {
    "Ticket": {"update", "comment", "attachFile"},
    "Comment": {"update", "delete"},
}
ANYBODYS = {"Ticket": {"comment", "attachFile"}, "Comment": set[str]()}


async def settle(gql_clients: ApiClients) -> None:
    """Go back to the beginning, with staff of every role."""
    await gql_clients.world.reset()
    async with gql_clients.world.database.transaction() as session:
        for name, role in OTHERS.items():
            session.add(
                User(id=key(name), username=name, password="!", role=role, date_joined=NOON)
            )


async def told(gql_clients: ApiClients, who: str | None, kind: str) -> dict[str, Any] | None:
    """Return what a viewer is told of the ticket or the comment; None where there is nothing."""
    name = TICKET if kind == "Ticket" else COMMENT
    wanted = (
        f"viewerCan {{ {' '.join(WRITES[kind])} }} viewerCannotReasons {{ action code message }}"
    )
    query = f'{{ node(id: "{key(name)}") {{ ... on {kind} {{ {wanted} }} }} }}'
    answer = await gql_clients.graphql(who, query)
    if who is None:
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        return None
    node: dict[str, Any] | None = answer["data"]["node"]
    return node


def action(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).upper()


async def errors_of(gql_clients: ApiClients, who: str | None, write: Write) -> list[dict[str, Any]]:
    answer = await gql_clients.write(who, write)
    if "errors" in answer:
        return [{"code": error["extensions"]["code"]} for error in answer["errors"]]
    found: list[dict[str, Any]] = answer["data"]["answer"]["errors"]
    return found


@pytest.mark.parametrize("kind", WRITES)
async def test_what_viewers_are_told_is_what_they_can_do(
    gql_clients: ApiClients, kind: str
) -> None:
    for who in VIEWERS:
        await settle(gql_clients)
        found = await told(gql_clients, who, kind)
        before = await gql_clients.world.dump()
        able = found["viewerCan"] if found else dict.fromkeys(WRITES[kind], False)
        allowed = {name for name, may in able.items() if may}
        why = {reason["action"]: reason for reason in found["viewerCannotReasons"]} if found else {}
        assert why.keys() == ({action(name) for name in able.keys() - allowed} if found else set())

        for name in able.keys() - allowed:
            for write in WRITES[kind][name]:
                [error] = await errors_of(gql_clients, who, write)
                expected = "FORBIDDEN" if found else "NOT_FOUND" if who else "UNAUTHENTICATED"
                assert error["code"] == expected, (who, write)
                if found and write.field != "updateTicket":
                    assert error["message"] in {told["message"] for told in why.values()}, write
        assert await gql_clients.world.dump() == before, who

        for name in filter(allowed.__contains__, WRITES[kind]):
            for write in WRITES[kind][name]:
                assert await errors_of(gql_clients, who, write) == [], (who, write)


@pytest.mark.parametrize("kind", WRITES)
async def test_who_may_do_what(gql_clients: ApiClients, kind: str) -> None:
    await settle(gql_clients)
    for who in STAFF:
        found = await told(gql_clients, who, kind)
        assert found == {
            "viewerCan": dict.fromkeys(WRITES[kind], True),
            "viewerCannotReasons": [],
        }
    for who, may in (("carla", MINE[kind]), ("colin", ANYBODYS[kind])):
        found = await told(gql_clients, who, kind)
        assert found is not None
        assert {name for name, can in found["viewerCan"].items() if can} == may
        codes = {reason["action"]: reason["code"] for reason in found["viewerCannotReasons"]}
        assert codes == {
            action(name): "NOT_YOURS" if name in MINE[kind] else "STAFF_ONLY"
            for name in WRITES[kind].keys() - may
        }
    assert await told(gql_clients, "olga", kind) is None
    assert await told(gql_clients, None, kind) is None


@pytest.mark.parametrize("kind", WRITES)
def test_every_action_has_its_deeds(kind: str) -> None:
    """A new action fails here until somebody has tried it."""
    named = SCHEMA.type_map[f"{kind}Permissions"]
    assert set(named.fields) == set(WRITES[kind])  # type: ignore[attr-defined]
