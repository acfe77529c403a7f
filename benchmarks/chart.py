"""Bar charts of results, written as SVG; readable on light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
LEFT = 24
BARS = 150
MAX_LENGTH = 470
BAR = 20
TOP = 66

_STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .group { font-weight: 600 }
  .quiet { fill: #59636e }
  .ours { fill: #2563a8 }
  .baseline { fill: #aab4c0 }
  .axis { stroke: #aab4c0; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9aa4af }
    .ours { fill: #6cb0f5 }
    .baseline { fill: #566270 }
    .axis { stroke: #566270 }
  }
"""


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its colour (``ours`` or ``baseline``), its length, and what it says."""

    name: str
    kind: str
    value: float
    label: str


@dataclass(frozen=True)
class Group:
    """Bars that are compared with each other."""

    heading: str
    bars: Sequence[Bar]


def draw(
    title: str, heading: str, below: str, groups: Sequence[Group], *, names: int = BARS
) -> str:
    """Return a chart with all bars on one scale; ``title`` is for readers who do not see it.

    ``names`` is how much room the names of bars have, in pixels.
    """
    most = max((bar.value for group in groups for bar in group.bars), default=1.0)
    heights = [36 + len(group.bars) * (BAR + 4) + 8 for group in groups]
    height = TOP + sum(heights) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        f"<style>{_STYLE}</style>",
        _text(LEFT, 28, heading, "title"),
        _text(LEFT, 48, below, "quiet"),
    ]
    y = TOP
    for group, taken in zip(groups, heights, strict=True):
        parts += _group(group, y, most, names)
        y += taken
    return "\n".join([*parts, "</svg>"]) + "\n"


def _group(group: Group, y: int, most: float, names: int) -> list[str]:
    top = y + 28
    bottom = top + len(group.bars) * (BAR + 4) + 2
    return [
        _text(LEFT, y + 18, group.heading, "group"),
        *(
            part
            for place, bar in enumerate(group.bars)
            for part in _bar(bar, top + place * (BAR + 4), most, names)
        ),
        f'<line class="axis" x1="{names}" y1="{top - 2}" x2="{names}" y2="{bottom}"/>',
    ]


def _bar(bar: Bar, y: int, most: float, names: int) -> list[str]:
    length = max(1, round(bar.value / most * (MAX_LENGTH + 2 * (BARS - names))))
    return [
        _text(names - 10, y + 15, bar.name, "quiet", anchor="end"),
        f'<rect class="{bar.kind}" x="{names}" y="{y}" width="{length}" height="{BAR}"/>',
        _text(names + length + 8, y + 15, bar.label, ""),
    ]


def _text(x: int, y: int, text: str, kind: str, *, anchor: str = "start") -> str:
    chosen = f' class="{kind}"' if kind else ""
    return f'<text{chosen} x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
