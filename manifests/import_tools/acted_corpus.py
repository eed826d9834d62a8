"""Corpora whose file names say everything: find the recordings and read their names."""

import re
from collections.abc import Iterator
from pathlib import Path

from medusa.errors import listed
from medusa.manifests.import_tools.corpus import CorpusError, folder

SOUNDS = (".wav", ".flac")


def named_recordings(
    root: Path, corpus: str, pattern: re.Pattern[str], example: str
) -> Iterator[tuple[Path, re.Match[str]]]:
    """Yield the recordings below `root` and what their names say, sorted by path.

    Args:
        root: the corpus's folder.
        corpus: its name, for messages.
        pattern: what a path relative to `root`, without its ending, must end with.
        example: a name that fits.

    Raises:
        CorpusError: no recording, recordings not named like this, or two of one name.
    """
    files = sorted(path for path in folder(root, corpus).rglob("*") if path.suffix in SOUNDS)
    if not files:
        raise CorpusError(f"{root}: no wav file here or below; expected names like {example}")
    strange: list[str] = []
    seen: dict[str, Path] = {}
    for file in files:
        name = pattern.search(file.relative_to(root).with_suffix("").as_posix())
        if name is None:
            strange.append(str(file.relative_to(root)))
            continue
        if name[0] in seen:
            raise CorpusError(
                f"{root}: one recording twice, {seen[name[0]]} and {file}; "
                "name the folder of one copy of the corpus"
            )
        seen[name[0]] = file
        yield file, name
    if strange:
        raise CorpusError(
            f"{root}: {len(strange)} files not named like {corpus}'s {example}: "
            f"{listed(strange)}; move other files away, or import them with "
            "`medusa manifest import csv`"
        )
