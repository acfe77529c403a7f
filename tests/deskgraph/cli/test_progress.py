"""Long commands tell how far they are."""

import pytest

from deskgraph.cli import progress


def test_without_a_terminal_lines_are_written_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.bars_or_lines() as report:
        report("Texts of comments", 500, 1_200)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "LINE_SECONDS", 0)
        report("Texts of comments", 1_000, 1_200)
    assert capsys.readouterr().err.startswith("Texts of comments: 1,000 of 1,200, ")


def test_on_a_terminal_bars_are_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress.bars_or_lines() as report:
        report("Texts of comments", 500, 1_200)
        report("Texts of comments", 1_200, 1_200)
    assert "1200/1200" in capsys.readouterr().err
