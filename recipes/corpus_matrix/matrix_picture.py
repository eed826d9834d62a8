"""The picture of a cross-corpus matrix: one SVG file, which is legible in light and in dark."""

from html import escape

from medusa.console import one_line
from medusa.recipes.corpus_matrix.matrix import CorpusMatrix, MatrixCell
from medusa.scoring import SCORES

NARROWEST, HIGH, LETTER, TOP = 116, 62, 8.2, 84
DARKEST = 0.6  # Texts are legible on this share of the colour, in light and in dark.
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1d232a}.quiet{fill:#676d75}"
    ".back{fill:#fff}.cell{fill:#0072b2;stroke:#e4e1db}"
    "@media(prefers-color-scheme:dark){text{fill:#e8eaed}.quiet{fill:#a9b0b8}.back{fill:#16191d}"
    ".cell{stroke:#3a4048}}"
)


def draw_matrix(found: CorpusMatrix) -> str:
    """Return an SVG file. A cell is darker, the further its score is above chance."""
    longest = LETTER * max(len(one_line(name)) for name in found.corpora)
    left, width, size = 24 + longest, max(NARROWEST, 12 + longest), len(found.corpora)
    wide, high = left + width * size + 12, TOP + HIGH * size + 12
    parts = [
        f'<rect class="back" width="{wide:.0f}" height="{high}"/>',
        _text(12, 24, f"{SCORES[found.score].title} across corpora", "", "start"),
        _text(12, 46, "rows: trained on; columns: tested on", "quiet", "start"),
    ]
    for number, name in enumerate(found.corpora):
        parts.append(_text(left + width * (number + 0.5), TOP - 12, name))
        parts.append(_text(left - 10, TOP + HIGH * (number + 0.5) + 4, name, "", "end"))
    for number, cell in enumerate(found.cells):
        row, column = divmod(number, size)
        parts += _cell(cell, left + width * column, TOP + HIGH * row, width)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high}" role="img">'
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>\n"])


def _cell(cell: MatrixCell, x: float, y: float, width: float) -> list[str]:
    """Draw one cell; without a score it is empty, and its title has the reason."""
    middle = x + width / 2
    share = 0.0
    if cell.value is not None and cell.chance is not None:
        share = max(0.0, (cell.value - cell.chance) / max(1 - cell.chance, 1e-9))
    title = f"trained on {cell.trained}, tested on {cell.tested}: "
    if cell.value is None or cell.interval is None:
        lines = [_text(middle, y + HIGH / 2 + 4, "none", "quiet")]
        title += cell.reason
    else:
        interval = "{:.2f} – {:.2f}".format(*cell.interval)
        lines = [
            _text(middle, y + HIGH / 2 - 3, f"{cell.value:.3f}"),
            _text(middle, y + HIGH / 2 + 16, interval),
        ]
        title += f"{cell.value:.3f}, chance {cell.chance:.3f}, {cell.n} utterances"
    return [
        f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{HIGH}" '
        f'fill-opacity="{DARKEST * share:.3f}"><title>{escape(one_line(title))}</title></rect>',
        *lines,
    ]


def _text(x: float, y: float, text: str, look: str = "", anchor: str = "middle") -> str:
    return (
        f'<text class="{look}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(one_line(text))}</text>"
    )
