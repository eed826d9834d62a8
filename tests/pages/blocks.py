"""The fenced blocks of README and of docs/, and how they are marked."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(path for path in DOCS.rglob("*.md") if "reference" not in path.parts),
]
# A comment on the line above a block tells why the block is not run. Pages do not show it.
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^>]+?) -->\n)?^```(?P<language>\S*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)
COMMANDS, PYTHON, YAML = "", "python", "yaml"
SHOWN = ("text", "{toctree}", "{image}")  # blocks that nobody runs: drawings, files, output


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        place: the page and the line, such as `docs/start.md:12`.
        line: the number of the line of its first line of text.
        language: the word after the fence; commands have none.
        text: the lines between the fences.
        reason: why the block is not run, or an empty text.
    """

    place: str
    line: int
    language: str
    text: str
    reason: str

    def commands(self) -> Iterator[str]:
        """Yield every command with its words quoted as `shlex.join` does, without comments."""
        for line in self.text.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield shlex.join(words)


def name_of(page: Path) -> str:
    """Return a page's path below the root of the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("text")) + 1
        place = f"{name_of(page)}:{line}"
        reason = " ".join((match["reason"] or "").split())
        found.append(Block(place, line, match["language"], match["text"], reason))
    return found


def runnable(page: Path) -> list[Block]:
    """Return the blocks of a page that are run: commands, programs and YAML without a mark."""
    return [one for one in blocks_of(page) if one.language not in SHOWN and not one.reason]
