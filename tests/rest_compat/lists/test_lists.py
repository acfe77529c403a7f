"""Lists: what is in the envelope, which rows a query leaves, and in which order."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models import TicketPriority, TicketStatus
from tests.support.named_rows import NAMES, SECRET
from tests.support.rest_client import RestClient
from tests.support.rows import comment, key, ticket

pytestmark = pytest.mark.anyio

ALL = ["bill", "volume", "offline"]  # newest first
NOBODY = "99999999-0000-4000-8000-000000000000"
NO_CHOICE = "Select a valid choice. That choice is not one of the available choices."


async def names(
    api: RestClient, query: str, who: str = "keith", path: str = "tickets/"
) -> list[str]:
    """Return the rows of a list by the names they have in the world."""
    response = await api.get(path + query, who)
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["count"] == len(body["results"])
    return [NAMES[row["id"]] for row in body["results"]]


async def test_a_ticket_has_the_documented_fields_in_their_order(api: RestClient) -> None:
    (row,) = (await api.get("tickets/?status=assigned")).json()["results"]

    assert " ".join(row) == (
        "id ticket_number subject description status priority category company company_name "
        "contact contact_name assigned_to assigned_to_name assigned_team created_by "
        "created_by_name first_response_at resolved_at closed_at due_date "
        "first_response_time_hours resolution_time_hours is_overdue tags comments attachments "
        "comments_count internal_notes_count created_at updated_at"
    )
    assert row["company"] == str(key("hilton"))
    assert row["company_name"] == "Hilton"
    assert row["contact_name"] == "John Smith"
    assert row["assigned_to_name"] == "Keith Test"
    assert row["tags"] == "vip,zone"
    assert row["is_overdue"] is True
    assert row["created_at"] == "2025-11-09T13:00:00Z"
    assert (row["comments_count"], row["internal_notes_count"]) == (1, 1)
    assert [c["text"] for c in row["comments"]] == ["Text of public", f"internal, {SECRET}"]


async def test_what_is_not_set_is_null_or_empty(api: RestClient) -> None:
    await api.add(ticket("bare", 9))
    (row,) = (await api.get("tickets/?search=bare")).json()["results"]

    empty: dict[str, Any] = {"contact": None, "contact_name": None, "assigned_to": None}
    empty |= {"assigned_to_name": None, "assigned_team": "", "due_date": None, "tags": ""}
    assert row | empty == row
    assert row["comments"] == row["attachments"] == []


FILTERS = [
    ("", ALL),
    ("?status=new", ["volume"]),
    ("?priority=high", ["offline"]),
    ("?category=technical", ["offline"]),
    ("?company={hilton}", ["volume", "offline"]),
    ("?assigned_to={keith}", ["offline"]),
    ("?assigned_to={admin}", []),
    ("?assigned_team=Tech", ["offline"]),
    ("?assigned_team=Nobody", []),
    ("?my_tickets=true", ["offline"]),
    ("?unassigned=true", ["bill", "volume"]),
    ("?open=true", ["volume", "offline"]),
    ("?my_tickets=True&unassigned=1&open=yes", ALL),
    ("?status=&company=&assigned_to=&assigned_team=&search=", ALL),
    ("?status=bogus&status=new", ["volume"]),
    ("?status=closed&priority=high", []),
    ("?unknown=1&format=json", ALL),
    ("?search=OFFLINE", ["offline"]),
    ("?search=hilton", ["volume", "offline"]),
    ("?search=T-20251109-0002", ["volume"]),
    ("?search=subject,volume", ["volume"]),
    ('?search="of bill"', ["bill"]),
    ("?search=%25", []),
    ("?search=_", []),
    ("?search=%20,%20", ALL),
]


async def test_filters(api: RestClient) -> None:
    ids = {name: key(name) for name in ("hilton", "keith", "admin")}
    for query, found in FILTERS:
        assert await names(api, query.format(**ids)) == found, query


WRONG_FILTERS = [
    (
        "?status=bogus&priority=URGENT",
        {
            "status": "Select a valid choice. bogus is not one of the available choices.",
            "priority": "Select a valid choice. URGENT is not one of the available choices.",
        },
    ),
    ("?company=hilton", {"company": "“hilton” is not a valid UUID."}),
    (
        f"?company={NOBODY}&assigned_to={NOBODY}",
        {"company": NO_CHOICE, "assigned_to": NO_CHOICE},
    ),
    (
        f"?company={NOBODY}&category=x",
        {
            "company": NO_CHOICE,
            "category": "Select a valid choice. x is not one of the available choices.",
        },
    ),
    ("?assigned_team=a%00b", {"assigned_team": "Null characters are not allowed."}),
    ("?search=a%00b", {"search": "Null characters are not allowed."}),
    ("?company=%00", {"company": "Null characters are not allowed."}),
    (f"?company={NOBODY}&page=9", {"company": NO_CHOICE}),
    (f"?company={NOBODY}&page=x", {"company": NO_CHOICE}),
]


async def test_wrong_filters_are_told_all_at_once(api: RestClient) -> None:
    for query, errors in WRONG_FILTERS:
        for path in ("tickets/", "tickets/stats/"):
            response = await api.get(path + query)

            assert response.status_code == 400
            assert response.json() == {name: [message] for name, message in errors.items()}


NEAR_MISSES = [
    ("?status[]=new&status[]=assigned", {"status[]": "status"}),
    ("?status__in=new,assigned&Priority=urgent", {"status__in": "status", "Priority": "priority"}),
    ("?assignedTo=x&company_id=y", {"assignedTo": "assigned_to", "company_id": "company"}),
    ("?filter[status]=new", {"filter[status]": "status"}),
    ("?filters[status][$in][0]=new", {"filters[status][$in][0]": "status"}),
    ("?my-tickets=true&Open=true&statuses=new", {
        "my-tickets": "my_tickets", "Open": "open", "statuses": "status"}),
    ("?page[size]=5&pageSize=5", {"page[size]": "page_size", "pageSize": "page_size"}),
    ("?ordering[]=priority", {"ordering[]": "ordering"}),
    ("?search.contains=x", {"search.contains": "search"}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "meant"), NEAR_MISSES)
async def test_what_looks_like_a_parameter_and_is_none_is_refused(
    api: RestClient, query: str, meant: dict[str, str]
) -> None:
    sentence = "This is no parameter of the list. Use “{}”."
    for path in ("tickets/", "tickets/stats/"):
        response = await api.get(path + query)
        assert response.status_code == 400
        assert response.json() == {name: [sentence.format(one)] for name, one in meant.items()}


async def test_other_unknown_parameters_and_empty_ones_are_ignored(api: RestClient) -> None:
    for query in ("?_=1&cacheBust=2&lang=de&utm_source=x", "?status[]=&Priority=", "?stat=new"):
        assert await names(api, query) == ALL, query
    # The word belongs to another list.
    assert (await api.get("ticket-comments/?search[]=x&is_internal=true")).status_code == 200
    assert (await api.get("ticket-events/?type[]=created")).status_code == 400
    assert (await api.get("ticket-events/?After=x")).status_code == 400
    assert (await api.get("companies/simple/?Country=x")).status_code == 400
    many = "&".join(f"x{i}=1" for i in range(2000))
    assert (await api.get(f"tickets/?{many}")).status_code == 200


async def test_ordering_given_several_times_is_one_list(api: RestClient) -> None:
    expected = (await api.get("tickets/?ordering=status,-created_at")).json()["results"]
    for query in (
        "?ordering=status&ordering=-created_at",
        "?ordering=&ordering=status,,-created_at",
    ):
        assert (await api.get(f"tickets/{query}")).json()["results"] == expected, query
    first = (await api.get("tickets/?ordering=priority&ordering=-priority&limit=1")).json()
    assert first["next"].endswith("?limit=1&offset=1&ordering=priority&ordering=-priority")
    rest = (await api.get(first["next"].removeprefix("http://desk.test"))).json()["results"]
    whole = (await api.get("tickets/?ordering=priority")).json()["results"]
    assert [*first["results"], *rest] == whole[:2]


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ("+".join("abcdefghijklmnopqrstuvwxyz"), "A search takes at most 20 terms."),
        ("%22" * 1001, "A search takes at most 1000 characters."),
    ],
)
@pytest.mark.parametrize("path", ["tickets/", "tickets/stats/", "companies/", "users/"])
async def test_a_search_has_a_limit(api: RestClient, path: str, search: str, sentence: str) -> None:
    response = await api.get(f"{path}?search={search}")

    assert response.status_code == 400
    assert response.json() == {"search": [sentence]}


ORDERINGS = [
    ("created_at", ["offline", "volume", "bill"]),
    ("-created_at", ALL),
    ("status", ["volume", "offline", "bill"]),
    ("-status", ["bill", "offline", "volume"]),
    ("priority,created_at", ["volume", "bill", "offline"]),
    (" -priority , -created_at", ["offline", "bill", "volume"]),
    ("due_date,created_at", ["offline", "volume", "bill"]),
    ("-due_date,created_at", ["volume", "bill", "offline"]),
    ("status,-status,status", ["volume", "offline", "bill"]),
    ("bogus", ALL),
    ("subject,--status,", ALL),
    ("bogus,created_at", ["offline", "volume", "bill"]),
]


async def test_ordering(api: RestClient) -> None:
    for ordering, found in ORDERINGS:
        assert await names(api, f"?ordering={ordering}") == found


async def test_priorities_and_statuses_sort_by_their_meaning(api: RestClient) -> None:
    # By the alphabet, high would come before low, and closed before new.
    for i, priority in enumerate(TicketPriority):
        await api.add(ticket(f"p{i}", 50 + i, priority=priority, company_id=key("centara")))
    for i, status in enumerate(TicketStatus):
        await api.add(ticket(f"s{i}", 60 + i, status=status, company_id=key("centara")))

    async def column(name: str) -> list[str]:
        query = f"?company={key('centara')}&ordering={name}"
        found = [row[name] for row in (await api.get("tickets/" + query)).json()["results"]]
        return list(dict.fromkeys(found))

    assert await column("priority") == [priority.value for priority in TicketPriority]
    assert await column("status") == [status.value for status in TicketStatus]


async def test_customers_see_their_companys_tickets_without_notes(api: RestClient) -> None:
    await api.let_olga_in()
    assert await names(api, "", "carla") == ["volume", "offline"]
    assert await names(api, "", "olga") == ["bill"]
    assert await names(api, f"?assigned_to={key('keith')}", "carla") == ["offline"]
    assert await names(api, f"?assigned_to={key('admin')}", "carla") == []
    assert await names(api, "?search=between", "carla") == []

    response = await api.get(f"tickets/?company={key('centara')}", "carla")
    assert response.status_code == 400
    assert response.json() == {"company": [NO_CHOICE]}

    row = (await api.get("tickets/?status=assigned", "carla")).json()["results"][0]
    assert [c["text"] for c in row["comments"]] == ["Text of public"]
    assert (row["comments_count"], row["internal_notes_count"]) == (1, 0)


@pytest.mark.parametrize("path", ["tickets/", "ticket-comments/", "ticket-attachments/", "users/"])
async def test_one_statement_per_list_however_many_rows(api: RestClient, path: str) -> None:
    async def statements() -> int:
        await api.get(path)
        api.statements.clear()
        assert (await api.get(path + "?page_size=1000")).status_code == 200
        return len(api.statements)

    assert await statements() == 1
    for i in range(40):
        await api.add(ticket(f"more{i}", 100 + i))
        await api.add(*(comment(f"c{i}{j}", f"more{i}") for j in range(3)))
    assert await statements() == 1


async def test_references_are_looked_up_only_where_no_row_shows_them(api: RestClient) -> None:
    await api.get("tickets/")
    for query, expected in [
        (f"?company={key('hilton')}", 1),
        (f"?company={key('hilton')}&assigned_to={key('keith')}", 1),
        (f"?assigned_to={key('admin')}", 2),
        ("?search=nothing", 1),
    ]:
        api.statements.clear()
        assert (await api.get("tickets/" + query)).status_code == 200
        assert len(api.statements) == expected, api.statements


async def test_comments_are_listed_oldest_first(api: RestClient) -> None:
    later = (await api.get("ticket-comments/")).json()["results"][0]["created_at"]
    assert later == "2025-11-18T12:00:00Z"
    at = api.clock.now - timedelta(days=2)
    await api.add(comment("old", "volume", author_id=None, created_at=at))

    rows = (await api.get("ticket-comments/")).json()["results"]
    assert rows[0]["text"] == "old"
    assert " ".join(rows[0]) == "id ticket author text is_internal created_at updated_at"
    assert {"author_name": "Keith Test", "author_role": "Tech"}.items() <= rows[1].items()
    assert rows[0]["author"] is None


async def test_comments_of_a_ticket(api: RestClient) -> None:
    await api.let_olga_in()
    path = "ticket-comments/"
    assert len(await names(api, f"?ticket={key('offline')}", path=path)) == 2
    assert sorted(await names(api, f"?ticket={key('volume')}", path=path)) == ["note", "own"]
    assert await names(api, f"?ticket={NOBODY}", path=path) == []
    assert await names(api, f"?ticket={key('offline')}", "carla", path) == ["public"]
    assert await names(api, f"?ticket={key('offline')}", "olga", path) == []

    for path in ("ticket-comments/", "ticket-attachments/"):
        response = await api.get(path + "?ticket=x")
        assert response.status_code == 400
        assert response.json() == {"ticket": ["“x” is not a valid UUID."]}


@pytest.mark.parametrize("path", ["tickets/?search=x", "tickets/stats/?search=x", "contacts/"])
async def test_a_list_that_takes_too_long_is_stopped(
    api: RestClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = []

    async def never(*_statement: object) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(path)
            raise

    # Who asks is known by now.
    assert (await api.get(path)).status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr(api.world.services.database, "fetch_row", never)
        patch.setitem(api.world.services.__dict__, "operation_seconds", 0.05)
        refused = await api.get(path)
    assert refused.status_code == 400
    assert refused.json() == {"detail": "This took longer than 0.05 seconds and was stopped."}
    assert stopped == [path]
    assert (await api.get(path)).status_code == 200
