"""Webhooks as Admins manage them; secrets are shown once and nowhere else."""

import logging
from typing import Any

import pytest
from sqlalchemy import text

from models import (
    Role,
    Webhook,
)
from tests.schema.conftest import Opens
from tests.schema.webhook_calls import (
    CREATE,
    FIELDS,
    FILTER,
    ROTATE,
    UPDATE,
    URL,
    create,
    do,
    refusal,
)
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import key, user

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("undelivered")]


async def test_a_webhook_is_created_with_all_there_is_to_say(gql: GraphQLClient) -> None:
    payload = await create(
        gql,
        eventTypes=["DELETED", "CREATED", "DELETED"],
        filter=FILTER,
        includeInternal=True,
        enabled=False,
    )
    assert payload["secret"].startswith("whsec_")
    assert payload["webhook"] == {
        "id": payload["webhook"]["id"],
        "url": URL,
        "eventTypes": ["CREATED", "DELETED"],
        "filter": FILTER,
        "includeInternal": True,
        "enabled": False,
        "disabledReason": None,
        "failingSince": None,
        "createdBy": {"username": "admin"},
        "createdAt": "2025-11-19T12:00:00Z",
        "updatedAt": "2025-11-19T12:00:00Z",
        "deliveries": {"totalCount": 0},
    }


async def test_what_is_not_said_is_everything_but_internal_events(gql: GraphQLClient) -> None:
    several: list[dict[str, Any]] = [
        {},
        {"eventTypes": [], "filter": {}},
        {"eventTypes": None, "filter": None},
    ]
    for given in several:
        webhook = (await create(gql, **given))["webhook"]
        assert (webhook["eventTypes"], webhook["filter"]) == ([], None)
        assert (webhook["includeInternal"], webhook["enabled"]) == (False, True)


async def test_a_filter_that_was_read_can_be_written(gql: GraphQLClient) -> None:
    webhook = (await create(gql, filter=FILTER))["webhook"]
    other = (await create(gql, filter=webhook["filter"]))["webhook"]
    assert other["filter"] == webhook["filter"]


async def test_a_webhook_is_changed_field_by_field(gql: GraphQLClient) -> None:
    webhook = (await create(gql, filter=FILTER, eventTypes=["CREATED"]))["webhook"]
    gql.clock.move(hours=1)
    changed = await do(gql, UPDATE, id=webhook["id"], url=f"{URL}/2")
    assert changed["webhook"] == {
        **webhook,
        "url": f"{URL}/2",
        "updatedAt": "2025-11-19T13:00:00Z",
    }
    changed = await do(
        gql, UPDATE, id=webhook["id"], filter=None, eventTypes=None, includeInternal=True
    )
    assert changed["webhook"]["filter"] is None
    assert changed["webhook"]["eventTypes"] == []
    assert changed["webhook"]["includeInternal"] is True


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"url": "http://hooks.example/"}, "url", "Must begin with https://."),
        ({"url": "https://a:b@hooks.example/"}, "url", "May not contain a user name"),
        ({"url": "https://10.1.2.3/"}, "url", "10.1.2.3 is in a private network"),
        ({"url": "nonsense"}, "url", "Must be an address such as"),
        ({"url": " "}, "url", "May not be blank."),
        ({"url": "https://hooks.example/" + "x" * 2000}, "url", "at most 2000 characters"),
        ({"filter": {"mine": True}}, "filter", "`mine` does not fit here"),
        ({"filter": {"and": [{"not": {"mine": False}}]}}, "filter", "`mine` does not fit here"),
        ({"filter": {"company": {"eq": "no id"}}}, "filter", "'no id' is not an id."),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_changes(
    gql: GraphQLClient, given: dict[str, Any], field: str, said: str
) -> None:
    webhook = (await create(gql))["webhook"]
    gql.clock.move(hours=1)
    for mutation, more in ((CREATE, {"url": URL}), (UPDATE, {"id": webhook["id"]})):
        error = await refusal(gql, mutation, **more | given)
        assert (error["code"], error["field"]) == ("INVALID", [field])
        assert said in error["message"]
    found = await gql.ask(f"{{ webhooks {{ nodes {{ {FIELDS} }} }} }}", None, "admin")
    assert found["webhooks"]["nodes"] == [webhook]


async def test_a_change_to_null_is_refused(gql: GraphQLClient) -> None:
    webhook = (await create(gql))["webhook"]
    for name in ("enabled", "includeInternal", "url"):
        error = await refusal(gql, UPDATE, **{"id": webhook["id"], name: None})
        assert (error["code"], error["field"]) == ("INVALID", [name])
    found = await gql.ask(f"{{ webhooks {{ nodes {{ {FIELDS} }} }} }}", None, "admin")
    assert found["webhooks"]["nodes"] == [webhook]


async def test_a_filter_is_bounded_as_those_of_lists_are(gql: GraphQLClient) -> None:
    many = {"or": [{"open": True}] * 101}
    error = await gql.refused(CREATE, {"input": {"url": URL, "filter": many}}, "admin")
    assert "at most 100 conditions" in error["message"]


async def test_private_addresses_are_for_desks_that_allow_them(opens: Opens) -> None:
    async with opens(webhook_private_addresses="allow") as gql:
        await gql.add(user("admin", Role.ADMIN))
        payload = await do(gql, CREATE, url="http://127.0.0.1:1/")
        assert payload["errors"] == []


async def test_a_secret_is_shown_once_and_stored_nowhere(
    gql: GraphQLClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    payload = await create(gql)
    rotated = await do(gql, ROTATE, id=payload["webhook"]["id"])
    secrets = {payload["secret"], rotated["secret"]}
    assert len(secrets) == 2
    async with gql.database.engine.connect() as connection:
        row = (await connection.execute(text("SELECT * FROM webhooks"))).one()
    whole = await gql.ask(f"{{ webhooks {{ nodes {{ {FIELDS} }} }} }}", None, "admin")
    for secret in secrets:
        for place in (str(row), str(whole), caplog.text, str(gql.statements)):
            assert secret not in place
            assert secret.removeprefix("whsec_") not in place


async def test_secrets_differ_by_webhook_and_need_the_key(gql: GraphQLClient) -> None:
    first, second = await create(gql), await create(gql)
    assert first["secret"] != second["secret"]


async def test_how_long_an_old_secret_signs_is_bounded(gql: GraphQLClient) -> None:
    webhook = (await create(gql))["webhook"]["id"]
    for hours in (-1, 169):
        error = await refusal(gql, ROTATE, id=webhook, oldSecretHours=hours)
        assert (error["code"], error["field"]) == ("INVALID", ["oldSecretHours"])
    async with gql.database.transaction() as session:
        row = await session.get(Webhook, webhook)
        assert row is not None
        assert row.old_salts == []


async def test_rotations_keep_what_still_signs(gql: GraphQLClient) -> None:
    webhook = (await create(gql))["webhook"]["id"]

    async def ends() -> list[str]:
        async with gql.database.transaction() as session:
            row = await session.get(Webhook, webhook)
            assert row is not None
            return [old["until"][11:16] for old in row.old_salts]

    await do(gql, ROTATE, id=webhook, oldSecretHours=1)
    await do(gql, ROTATE, id=webhook, oldSecretHours=2)
    assert await ends() == ["14:00", "13:00"]
    gql.clock.move(hours=1)
    await do(gql, ROTATE, id=webhook, oldSecretHours=5)
    assert await ends() == ["18:00", "14:00"]
    await do(gql, ROTATE, id=webhook, oldSecretHours=0)
    assert await ends() == []


async def test_a_dry_run_shows_the_webhook_that_would_be(gql: GraphQLClient) -> None:
    before = await gql.everything()
    tried = await do(gql, CREATE, url=URL, eventTypes=["CREATED"], dryRun=True)
    assert await gql.everything() == before
    assert tried["errors"] == []
    assert tried["secret"].startswith("whsec_")
    made = await create(gql, eventTypes=["CREATED"])
    assert {**made["webhook"], "id": tried["webhook"]["id"]} == tried["webhook"]
    assert made["secret"] != tried["secret"]

    gql.clock.move(hours=1)
    before = await gql.everything()
    webhook = made["webhook"]["id"]
    turned = await do(gql, ROTATE, id=webhook, dryRun=True)
    assert await gql.everything() == before
    assert turned["webhook"] == {"id": webhook, "updatedAt": "2025-11-19T13:00:00Z"}
    assert turned["secret"] not in (None, made["secret"])
    for unknown in (str(key("nothing")), "no id"):
        assert (await refusal(gql, ROTATE, id=unknown, dryRun=True))["code"] == "NOT_FOUND"
