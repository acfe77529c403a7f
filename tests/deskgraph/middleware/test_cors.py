"""Pages of other origins: what they may send, what they may read, and who they are."""

import httpx
import pytest

from schema.transport.multipart import PREFLIGHT
from tests.support.fixtures import MakeClient, OpenDesk
from tests.support.rows import key

pytestmark = pytest.mark.anyio

ORIGIN = "https://app.example"
EVIL = "https://evil.example"
PATHS = ("/graphql", "/api/v1/tickets/", "/media/tickets/attachments/x.png", "/nowhere")


def asking(*names: str, origin: str = ORIGIN, method: str = "POST") -> dict[str, str]:
    """Return the headers of a preflight as browsers write them: small letters, in order."""
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ",".join(sorted(name.lower() for name in names)),
    }


def allows(preflight: httpx.Response, *names: str, origin: str = ORIGIN) -> bool:
    """Decide as a browser does (Fetch, CORS-preflight fetch)."""
    headers = preflight.headers
    allowed = headers.get("access-control-allow-headers", "").lower().split(",")
    return (
        preflight.is_success
        and headers.get("access-control-allow-origin") in (origin, "*")
        and {name.lower() for name in names} <= {name.strip() for name in allowed}
    )


@pytest.mark.parametrize(
    "names",
    [
        ("authorization", "content-type"),
        ("x-csrftoken", "x-requested-with"),
        ("sentry-trace", "baggage"),
        ("traceparent", "tracestate"),
        ("apollographql-client-name", "apollographql-client-version"),
        ("apollo-require-preflight", "x-apollo-operation-name", "graphql-require-preflight"),
        ("if-match", "if-none-match", "idempotency-key"),
        ("cache-control", "pragma"),
        ("x-request-id", "x-correlation-id"),
        ("range", "if-range", "last-event-id"),
        ("prefer", "accept-language", "x-datadog-trace-id", "b3"),
        ("user-agent", "x-trace-id", "x-amzn-trace-id", "x-cloud-trace-context"),
    ],
)
async def test_what_front_ends_commonly_send_passes(
    make_client: MakeClient, names: tuple[str, ...]
) -> None:
    async with make_client(cors_origins=[ORIGIN]) as client:
        for path in PATHS:
            preflight = await client.options(path, headers=asking(*names))
            assert allows(preflight, *names), (path, preflight.headers)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_that_a_path_can_have_passes(
    make_client: MakeClient, method: str
) -> None:
    async with make_client(cors_origins=[ORIGIN]) as client:
        answer = await client.options(PATHS[1], headers=asking("authorization", method=method))
        assert allows(answer, "authorization")
        assert method in answer.headers["access-control-allow-methods"].split(", ")
        other = await client.options(PATHS[1], headers=asking("authorization", method="TRACE"))
        assert not other.is_success


async def test_a_setting_adds_headers_or_opens_all(make_client: MakeClient) -> None:
    tenant, own = "x-tenant", "x-made-up-yesterday"
    async with make_client(cors_origins=[ORIGIN]) as client:
        assert not allows(await client.options("/graphql", headers=asking(tenant)), tenant)
    async with make_client(cors_origins=[ORIGIN], cors_headers=["X-Tenant"]) as client:
        for names in ((tenant,), (tenant, "authorization")):
            assert allows(await client.options("/graphql", headers=asking(*names)), *names)
        assert not allows(await client.options("/graphql", headers=asking(own)), own)
    async with make_client(cors_origins=[ORIGIN], cors_headers=["*"]) as client:
        # By name: to a browser `*` does not mean `authorization`.
        every = (tenant, own, "authorization")
        assert allows(await client.options("/graphql", headers=asking(*every)), *every)


@pytest.mark.parametrize("headers", [[], ["X-Tenant"], ["*"]])
async def test_pages_of_no_allowed_origin_may_send_nothing(
    make_client: MakeClient, headers: list[str]
) -> None:
    """Uploads rely on that: each of their headers makes a page ask before it sends."""
    async with make_client(cors_origins=[ORIGIN], cors_headers=headers) as client:
        for origin in (EVIL, "null", "http://app.example", f"{ORIGIN}:8443", f"{ORIGIN}.evil.test"):
            for name in (*PREFLIGHT, "authorization"):
                preflight = await client.options("/graphql", headers=asking(name, origin=origin))
                assert not preflight.is_success
                assert "access-control-allow-origin" not in preflight.headers
            answer = await client.get("/nowhere", headers={"Origin": origin})
            assert "access-control-allow-origin" not in answer.headers
            assert "Origin" in answer.headers["vary"]


async def test_without_origins_no_other_origin_is_let_in(make_client: MakeClient) -> None:
    async with make_client(cors_headers=["*"]) as client:
        preflight = await client.options("/nowhere", headers=asking("authorization"))
        answer = await client.get("/nowhere", headers={"Origin": ORIGIN})
    for response in (preflight, answer):
        assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("given", ["https://APP.example:443", "https://app.example/", "*"])
async def test_an_origin_may_be_written_as_an_address(make_client: MakeClient, given: str) -> None:
    async with make_client(cors_origins=[given]) as client:
        preflight = await client.options("/graphql", headers=asking("authorization"))
        assert allows(preflight, "authorization")
        answer = await client.get("/nowhere", headers={"Origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] in (ORIGIN, "*")


async def test_what_helps_a_client_is_not_hidden_from_it(open_desk: OpenDesk) -> None:
    from_there = {"Origin": ORIGIN}
    async with open_desk(cors_origins=[ORIGIN], rate_limit=60, max_cost=50) as client:
        path = f"/api/v1/tickets/{key('offline')}/"
        shown = await client.get(path, headers=from_there)
        for _ in range(99):
            limited = await client.get(path, headers=from_there)
            if limited.status_code == 429:
                break
        asked = {"query": "{ tickets(first: 40) { nodes { id } } }"}
        accept = {"Accept": "application/graphql-response+json", **from_there}
        throttled = await client.post("/graphql", json=asked, headers=accept)
        lost = await client.get("/nowhere", headers=from_there)
        nobody = await client.get(path, headers={**from_there, "Authorization": ""})

    assert (limited.status_code, throttled.status_code) == (429, 429)
    assert (lost.status_code, nobody.status_code) == (404, 401)
    # What is left for the minute is in the body, which is never hidden.
    [error] = throttled.json()["errors"]
    assert error["extensions"]["cost"]["throttle"]["maximum"] == 60
    for answer in (shown, limited, throttled, lost, nobody):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in answer.headers["vary"]
        # Tokens travel in a header: cookies have no part in this.
        assert "access-control-allow-credentials" not in answer.headers
        exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
        for name in ("retry-after", "link", "x-request-id", "etag", "www-authenticate", "allow"):
            assert name in exposed
        # Fetch, CORS-safelisted response-header name, and what a script has no use for.
        safe = {"content-type", "content-length", "cache-control", "vary"}
        theirs = {name for name in answer.headers if not name.startswith("access-control-")}
        assert theirs - safe - set(exposed) <= {"x-content-type-options"}
    assert int(limited.headers["retry-after"]) > 0
    assert int(throttled.headers["retry-after"]) > 0
