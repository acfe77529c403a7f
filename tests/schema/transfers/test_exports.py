"""``exportTickets``: a link, and the file that it leads to."""

import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest

from models import Company, Role, User
from resolvers.exports.fields import DEFAULT_FIELDS, ExportField
from resolvers.exports.pages import SIZES
from tests.schema.conftest import Opens
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, company, contact, key, ticket, user

pytestmark = pytest.mark.anyio

EXPORT = """
query($filter: TicketFilter, $orderBy: [TicketOrder!], $fields: [TicketExportField!],
      $format: TicketExportFormat! = CSV, $expiresIn: Int! = 300) {
  exportTickets(filter: $filter, orderBy: $orderBy, fields: $fields, format: $format,
                expiresIn: $expiresIn) { url expiresAt fileName }
}"""
# Where letters begin that do not get shorter by compression.
RARE = range(0x4E00, 0x9000, 0x1000)
BY_NUMBER = [{"field": "TICKET_NUMBER", "direction": "ASC"}]


async def link(gql: GraphQLClient, viewer: str = "keith", **given: Any) -> str:
    data = await gql.ask(EXPORT, given, viewer)
    return str(data["exportTickets"]["url"])


async def download(gql: GraphQLClient, viewer: str = "keith", **given: Any) -> httpx.Response:
    return await gql.client.get(await link(gql, viewer, **given))


async def objects(gql: GraphQLClient, viewer: str = "keith", **given: Any) -> list[dict[str, Any]]:
    response = await download(gql, viewer, format="JSONL", **given)
    assert response.status_code == 200, response.text
    return [orjson.loads(line) for line in response.content.splitlines()]


def table(response: httpx.Response) -> list[list[str]]:
    assert response.status_code == 200, response.text
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"), newline="")))


@pytest.fixture(autouse=True)
async def three_tickets(gql: GraphQLClient) -> None:
    await gql.add(
        contact("john", name="John", email="john@hilton.example"),
        contact("jane", company_id=key("centara")),
        user("olga", Role.CUSTOMER, company_id=key("centara")),
    )
    await gql.add(
        ticket(
            "a",
            1,
            subject='=HYPERLINK("http://evil.example")',
            description='One, "two"\nthree',
            tags="vip,zone",
            contact_id=key("john"),
            assigned_to_id=key("keith"),
            created_by_id=key("carla"),
            due_date=NOON,
        ),
        ticket("b", 2, subject="Zweite, 二"),
        ticket("c", 3, company_id=key("centara"), created_by_id=key("olga")),
    )
    await gql.add(comment("note", "a", is_internal=True, text="internal"))


async def test_the_default_is_a_csv_with_what_people_need(gql: GraphQLClient) -> None:
    response = await download(gql, orderBy=BY_NUMBER)
    found = table(response)
    assert found[0] == list(DEFAULT_FIELDS)
    first = dict(zip(found[0], found[1], strict=True))
    assert first["ticket_number"] == "T-20251109-0001"
    assert first["subject"] == '\'=HYPERLINK("http://evil.example")'
    assert first["description"] == 'One, "two"\nthree'
    assert (first["status"], first["assigned_team"]) == ("NEW", "")
    assert (first["company_name"], first["contact_email"]) == ("hilton", "john@hilton.example")
    assert (first["assigned_to_username"], first["created_by_username"]) == ("keith", "carla")
    assert (first["tags"], first["due_date"]) == ("vip,zone", "2025-11-19T12:00:00Z")
    assert len(found) == 4


async def test_the_response_is_a_download_that_nobody_keeps(gql: GraphQLClient) -> None:
    data = (await gql.ask(EXPORT, {"expiresIn": 60}))["exportTickets"]
    assert data["expiresAt"] == "2025-11-19T12:01:00.000000Z"
    assert data["url"].startswith("http://desk.test/downloads/tickets?link=")
    for response in (await gql.client.get(data["url"]), await gql.client.head(data["url"])):
        assert response.status_code == 200
        headers = response.headers
        assert headers["content-type"] == "text/csv; charset=utf-8; header=present"
        assert headers["content-disposition"] == f'attachment; filename="{data["fileName"]}"'
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "content-length" not in headers
    assert response.content == b""
    assert data["fileName"] == "tickets-2025-11-19-120000.csv"


async def test_every_field_has_its_value(gql: GraphQLClient) -> None:
    fields = [one.name for one in ExportField]
    [found] = await objects(gql, fields=fields, filter={"tags": {"has": "vip"}})
    assert list(found) == [str(one) for one in ExportField]
    assert found["id"] == str(key("a"))
    assert found["subject"] == '=HYPERLINK("http://evil.example")'
    assert found["tags"] == ["vip", "zone"]
    assert (found["contact_id"], found["contact_name"]) == (str(key("john")), "John")
    assert (found["assigned_to_id"], found["assigned_to_username"]) == (str(key("keith")), "keith")
    assert (found["internal_notes_count"], found["version"]) == (1, 1)
    assert found["closed_at"] is None
    assert found["is_overdue"] is False


async def test_fields_come_in_the_order_in_which_they_are_named(gql: GraphQLClient) -> None:
    found = table(await download(gql, fields=["SUBJECT", "ID"], orderBy=BY_NUMBER))
    assert found[0] == ["subject", "id"]
    assert found[2] == ["Zweite, 二", str(key("b"))]


async def test_a_filter_and_an_order_choose_as_lists_do(gql: GraphQLClient) -> None:
    numbers: dict[str, Any] = {
        "fields": ["TICKET_NUMBER"],
        "orderBy": [{"field": "TICKET_NUMBER", "direction": "DESC"}],
    }
    for filter in (
        {"company": {"eq": str(key("hilton"))}},
        {"or": [{"createdAt": {"lte": "2025-11-19T12:00:00Z"}}], "not": {"mine": False}},
        {"search": "zweite"},
        {"status": {"in": ["NEW"]}, "priority": {"gte": "MEDIUM"}, "open": True},
        {"status": {"eq": "CLOSED"}},
    ):
        query = """query($filter: TicketFilter, $orderBy: [TicketOrder!]) {
            tickets(filter: $filter, orderBy: $orderBy) { nodes { ticketNumber } } }"""
        given = {"filter": filter, "orderBy": numbers["orderBy"]}
        listed = (await gql.ask(query, given))["tickets"]["nodes"]
        found = await objects(gql, **numbers, filter=filter)
        assert [one["ticket_number"] for one in found] == [one["ticketNumber"] for one in listed]


async def test_no_ticket_is_a_header_or_nothing(gql: GraphQLClient) -> None:
    none = {"search": "no such thing"}
    assert table(await download(gql, filter=none, fields=["ID"])) == [["id"]]
    response = await download(gql, filter=none, format="JSONL")
    assert (response.status_code, response.content) == (200, b"")


async def test_customers_get_what_they_may_see(gql: GraphQLClient) -> None:
    fields = ["ID", "CREATED_BY_USERNAME", "ASSIGNED_TO_USERNAME", "INTERNAL_NOTES_COUNT"]
    found = await objects(gql, "carla", fields=fields, orderBy=BY_NUMBER)
    assert [one["id"] for one in found] == [str(key("a")), str(key("b"))]
    assert found[0]["internal_notes_count"] == 0
    assert (found[0]["created_by_username"], found[0]["assigned_to_username"]) == ("carla", "keith")


async def test_rights_are_those_of_the_viewer_at_the_download(gql: GraphQLClient) -> None:
    url = await link(gql, "carla", fields=["ID"])
    # The link alone is enough, whatever is sent beside it.
    as_carla = await gql.client.get(url, headers=gql.headers("keith"))
    assert len(table(as_carla)) == 3
    await gql.world.change(User, key("carla"), company_id=key("centara"))
    gql.services.viewers.forget_all()
    assert table(await gql.client.get(url))[1:] == [[str(key("c"))]]
    await gql.world.change(Company, key("centara"), is_active=False)
    gql.services.viewers.forget_all()
    assert (await gql.client.get(url)).status_code == 404


async def test_a_link_ends_with_the_sessions_of_its_viewer(gql: GraphQLClient) -> None:
    url = await link(gql)
    assert (await gql.client.get(url)).status_code == 200
    await gql.world.change(User, key("keith"), tokens_not_before=NOON - timedelta(hours=1))
    gql.services.viewers.forget_all()
    response = await gql.client.get(url)
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


async def test_links_that_are_altered_or_expired_lead_nowhere(gql: GraphQLClient) -> None:
    url = await link(gql, expiresIn=60)
    [sealed] = parse_qs(urlsplit(url).query)["link"]
    flipped = ("B" if sealed[0] == "A" else "A") + sealed[1:]
    for wrong in ("", ".", "ü.ü", sealed[:-1], sealed + "0", flipped, sealed.replace(".", "")):
        response = await gql.client.get("/downloads/tickets", params={"link": wrong})
        assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
    assert (await gql.client.get("/downloads/tickets")).status_code == 404
    gql.clock.now += timedelta(seconds=61)
    assert (await gql.client.get(url)).status_code == 404
    assert (await gql.client.head(url)).status_code == 404


async def test_a_download_takes_reads_only(gql: GraphQLClient) -> None:
    assert (await gql.client.post(await link(gql))).status_code == 405


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fields": []}, "`fields` takes at least one field."),
        ({"fields": ["ID", "TAGS", "ID"]}, "`fields` takes each field once: ID."),
        ({"expiresIn": 0}, "`expiresIn` must be between 1 and 86400 seconds."),
        ({"expiresIn": 86401}, "`expiresIn` must be between 1 and 86400 seconds."),
        ({"filter": {"company": {"eq": "x"}}}, "An id in the filter is not a UUID."),
        ({"orderBy": BY_NUMBER * 7}, "`orderBy` takes at most 6 fields."),
        (
            {"filter": {"or": [{"search": "".join(map(chr, range(n, n + 900)))} for n in RARE]}},
            "The filter is too long for a link: use fewer or shorter values.",
        ),
    ],
)
async def test_wrong_arguments_are_refused(
    gql: GraphQLClient, given: dict[str, Any], message: str
) -> None:
    assert (await gql.refused(EXPORT, given))["message"] == message


async def test_unknown_fields_are_refused_by_the_schema(gql: GraphQLClient) -> None:
    refused = await gql.post(EXPORT, {"fields": ["PASSWORD"]})
    assert "TicketExportField" in refused.json()["errors"][0]["message"]


async def test_strangers_get_no_link(gql: GraphQLClient) -> None:
    assert (await gql.refused(EXPORT, {}, None))["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_answer_with_a_link_is_never_the_same(gql: GraphQLClient) -> None:
    params = {"query": "{ exportTickets { url } }"}
    first = await gql.client.get("/graphql", params=params, headers=gql.headers("keith"))
    assert first.status_code == 200
    gql.clock.now += timedelta(seconds=1)
    headers = {**gql.headers("keith"), "If-None-Match": first.headers.get("etag", '"x"')}
    second = await gql.client.get("/graphql", params=params, headers=headers)
    assert second.status_code == 200
    assert second.json() != first.json()


async def test_a_link_reads_the_database_only_for_its_viewer(gql: GraphQLClient) -> None:
    await gql.ask("{ viewer { id } }")
    gql.statements.clear()
    await link(gql)
    assert gql.statements == []


async def test_a_page_is_one_statement(gql: GraphQLClient) -> None:
    size = SIZES[0]
    await gql.add(*(ticket(f"t{n}", 10 + n) for n in range(2 * size)))
    url = await link(gql, format="JSONL")
    await gql.client.get(url)
    gql.statements.clear()
    response = await gql.client.get(url)
    assert response.content.count(b"\n") == 3 + 2 * size
    assert len(gql.statements) == 3
    numbers = [orjson.loads(line)["ticket_number"] for line in response.content.splitlines()]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.proof
async def test_long_texts_make_pages_shorter(gql: GraphQLClient) -> None:
    long = "x" * 400_000
    await gql.add(*(ticket(f"t{n}", 10 + n, description=long) for n in range(60)))
    await gql.add(*(ticket(f"s{n}", 100 + n) for n in range(60)))
    found = await objects(gql, fields=["TICKET_NUMBER", "DESCRIPTION"])
    assert len(found) == len({one["ticket_number"] for one in found}) == 123
    assert sum(len(one["description"]) for one in found) > 60 * 400_000


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_download_costs_points_of_its_viewer(opens: Opens) -> None:
    async with opens(rate_limit=60, max_cost=1000) as gql:
        await gql.add(company("hilton"), user("keith"), user("admin", Role.ADMIN))
        await gql.add(*(ticket(f"t{n}", n) for n in range(45)))

        async def left() -> int:
            found: int = (await gql.ask("{ rateLimit { available } }"))["rateLimit"]["available"]
            return found

        url = await link(gql, filter={"open": True}, fields=["ID"])
        # The first one also pays for its statement.
        assert (await gql.client.get(url)).status_code == 200
        before = await left()
        assert (await gql.client.get(url)).status_code == 200
        # A point for the request, 20 for the condition and 5 for 45 tickets.
        assert before - await left() == 26
        for _ in range(40):
            response = await gql.client.get(url)
        assert response.status_code == 429
        assert "retry-after" in response.headers
        assert (await gql.post("{ viewer { id } }", viewer="admin")).status_code == 200
