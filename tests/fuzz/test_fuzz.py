"""Whatever is sent: no server error, no half-made change, no note for customers.

``make fuzz`` sends as many requests as it is told to, each time others.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskgraph.settings import Settings
from tests.fuzz.requests import Asked, paths, requests
from tests.fuzz.world import World
from tests.support import proofs
from tests.support.clock import Clock


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Give the open application over the small world."""
    with tempfile.TemporaryDirectory() as folder:
        found = Settings(
            _env_file=None,  # type: ignore[call-arg]
            database_url=database_url,
            files_url=f"file://{folder}/media",
            secret_key="a key that only the tests know, long enough",  # type: ignore[arg-type]
            max_upload_mb=1,
            public_url=None,
            rate_limit="off",
        )
        with World(found, Clock(), Path(folder) / "media") as opened:
            yield opened


@proofs.on("sqlite")
def test_requests_of_every_kind(world: World) -> None:
    templates = paths(world.app.routes)
    assert len(templates) > 40

    @proofs.examples(60, 250)
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        asked = data.draw(requests(templates))
        world.ask(asked)

    ask()
    print(dict(world.seen))  # noqa: T201 - "make fuzz" shows it
    assert {200, 400, 401, 404, 405} <= set(world.seen)
    # Refusals alone would show nothing about writes.
    assert world.seen[201] + world.seen[204] > (5 if proofs.LONG else 0)


def test_the_judge_sees_a_change_without_its_event(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forget(*_args: object) -> None:
        pass

    monkeypatch.setattr("resolvers.commands.comments.append_events", forget)
    asked = Asked(
        "POST",
        f"/api/v1/tickets/{next(iter(world.rows['tickets']))[0]}/add_comment/",
        who="keith",
        headers=[(b"content-type", b"application/json")],
        body=b'{"text": "x"}',
    )
    with pytest.raises(AssertionError):
        world.ask(asked)
    monkeypatch.undo()
    world.ask(asked)
