"""The results as a bar chart, written as SVG; readable on light and dark pages."""

from collections.abc import Sequence
from html import escape

from benchmarks.report import Result

WIDTH = 760
LEFT = 24
BARS = 150
MAX_LENGTH = 470
BAR = 20
GROUP = 92
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


def draw(results: Sequence[Result]) -> str:
    """Return the chart: two bars for each read on each database, on one scale."""
    most = max((max(r.ours.rate, r.baseline.rate) for r in results), default=1.0)
    height = TOP + GROUP * len(results) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title">',
        '<title id="title">Reads: requests a second, beside the baseline</title>',
        f"<style>{_STYLE}</style>",
        _text(LEFT, 28, "Requests a second, one worker; longer is better", "title"),
        _text(
            LEFT,
            48,
            "20 tickets with all that belongs to them in one answer. "
            "The baseline: bare Starlette with the same SQL",
            "quiet",
        ),
    ]
    for place, result in enumerate(results):
        parts += _group(result, TOP + place * GROUP, most)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _group(result: Result, y: int, most: float) -> list[str]:
    heading = f"{result.title}, {result.database}"
    top = y + 28
    bottom = top + 2 * BAR + 6
    return [
        _text(LEFT, y + 18, heading, "group"),
        *_bar(
            "deskgraph",
            "ours",
            result.ours.rate,
            top,
            most,
            f" · {result.ratio:.2f} of the baseline",
        ),
        *_bar("the baseline", "baseline", result.baseline.rate, top + BAR + 4, most, ""),
        f'<line class="axis" x1="{BARS}" y1="{top - 2}" x2="{BARS}" y2="{bottom}"/>',
    ]


def _bar(name: str, kind: str, rate: float, y: int, most: float, note: str) -> list[str]:
    length = max(1, round(rate / most * MAX_LENGTH))
    return [
        _text(BARS - 10, y + 15, name, "quiet", anchor="end"),
        f'<rect class="{kind}" x="{BARS}" y="{y}" width="{length}" height="{BAR}"/>',
        _text(BARS + length + 8, y + 15, f"{rate:,.0f}{note}", ""),
    ]


def _text(x: int, y: int, text: str, kind: str, *, anchor: str = "start") -> str:
    chosen = f' class="{kind}"' if kind else ""
    return f'<text{chosen} x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
