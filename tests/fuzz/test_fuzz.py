"""Whatever is sent: no server error, no half-made change, no note for customers.

``make fuzz`` sends as many requests as it is told to, each time others.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskgraph.settings import Settings
from resolvers.write_statements import Step, Transaction
from tests.fuzz.judge import Judge
from tests.fuzz.requests import Asked, paths, requests
from tests.support import proofs
from tests.support.rows import key


@pytest.fixture
def judge(settings: Settings) -> Iterator[Judge]:
    """Give the judge of an open application."""
    with Judge(settings) as opened:
        yield opened


@proofs.on("sqlite")
def test_requests_of_every_kind(judge: Judge) -> None:
    templates = paths(judge.app.routes)
    assert len(templates) > 40

    @proofs.examples(150, 500)
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        asked = data.draw(requests(templates))
        judge.ask(asked)

    ask()
    print(dict(judge.seen))  # noqa: T201 - "make fuzz" shows it
    assert {200, 400, 401, 404, 405} <= set(judge.seen)
    # Refusals alone would show nothing about writes.
    assert judge.seen[201] + judge.seen[204] > (5 if proofs.LONG else 0)


def test_the_judge_sees_a_change_without_its_event(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forget(
        _context: object, transaction: Transaction, _ticket: object, _drafts: object, *changes: Step
    ) -> None:
        await transaction.execute(*changes)

    monkeypatch.setattr("resolvers.commands.comments.append_events", forget)
    asked = Asked(
        "POST",
        f"/api/v1/tickets/{key('offline')}/add_comment/",
        who="keith",
        headers=[(b"content-type", b"application/json")],
        body=b'{"text": "x"}',
    )
    with pytest.raises(AssertionError):
        judge.ask(asked)
    monkeypatch.undo()
    judge.ask(asked)
