"""How far long commands are: bars on a terminal, or lines."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

# Takes what is being done, how much of it is done, and how much there is; 0 where that is unknown.
Report = Callable[[str, int, int], None]
# How often a line is written, in seconds.
LINE_SECONDS = 5.0


@contextmanager
def bars_or_lines() -> Iterator[Report]:
    """Give what draws bars on a terminal, and elsewhere writes a line every few seconds."""
    if sys.stderr.isatty():
        with bars() as report:
            yield report
        return
    started = written = time.monotonic()

    def line(name: str, done: int, total: int) -> None:
        nonlocal written
        now = time.monotonic()
        if now - written >= LINE_SECONDS:
            written = now
            of = f" of {total:,}" if total else ""
            typer.echo(f"{name}: {done:,}{of}, {now - started:.0f} s", err=True)

    yield line


@contextmanager
def bars() -> Iterator[Report]:
    """Give what draws a bar for each name on a terminal, and does nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda name, done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>9,.0f}/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks = {}

        def advance(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total or None, rate=0.0)
            task = bar.tasks[tasks[name]]
            elapsed = task.elapsed or 0.0
            bar.update(tasks[name], completed=done, rate=done / elapsed if elapsed else 0.0)

        yield advance
