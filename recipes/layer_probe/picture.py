"""The picture of a layer probe: the recall of every layer with its interval, as one SVG file."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from medusa.atomic import write_text
from medusa.reports.pictures import ticks

WIDE, HIGH, LEFT, TOP, BOTTOM = 620, 300, 52, 40, 252
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#676d75}line{stroke:#e4e1db}"
    ".spread{stroke:#676d75;stroke-width:3;stroke-opacity:.5}circle{fill:#676d75}"
    ".best{fill:#0072b2}.spread.best{stroke:#0072b2}"
)


class Mark(NamedTuple):
    """One layer in the picture: its score and the ends of its interval."""

    layer: int
    score: float
    low: float
    high: float


def write_picture(path: Path, title: str, marks: Sequence[Mark], chosen: int) -> None:
    """Write the picture to a file."""
    write_text(path, draw(title, marks, chosen))


def draw(title: str, marks: Sequence[Mark], chosen: int) -> str:
    """Return an SVG file with one mark per layer; the chosen layer is coloured."""
    levels = ticks(min(mark.low for mark in marks), max(mark.high for mark in marks), 5)

    def height(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value - levels[0]) / (levels[-1] - levels[0])

    lines = [f'<text x="{LEFT}" y="20">{escape(title)}</text>']
    for level in levels:
        y = height(level)
        lines.append(f'<line x1="{LEFT}" x2="{WIDE - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{level:g}</text>')
    step = (WIDE - 8 - LEFT) / len(marks)
    for number, mark in enumerate(marks):
        x, look = LEFT + step * (number + 0.5), "best" if mark.layer == chosen else ""
        ends = f'y1="{height(mark.low):.1f}" y2="{height(mark.high):.1f}"'
        lines.append(f'<line class="spread {look}" x1="{x:.1f}" x2="{x:.1f}" {ends}/>')
        lines.append(
            f'<circle class="{look}" cx="{x:.1f}" cy="{height(mark.score):.1f}" r="5">'
            f"<title>layer {mark.layer}: {mark.score:.3f}</title></circle>"
        )
        lines.append(f'<text x="{x:.1f}" y="272" text-anchor="middle">{mark.layer}</text>')
    lines.append(f'<text x="{WIDE / 2}" y="293" text-anchor="middle">layer</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}">'
    return "\n".join([head, f"<style>{STYLE}</style>", *lines, "</svg>\n"])
