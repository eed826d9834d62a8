"""In acted corpora, the name of a recording contains its speaker, its sentence and its emotion."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medusa.errors import ManifestError, listed
from medusa.manifests.import_tools.files import ENDINGS, recordings_below
from medusa.manifests.import_tools.tables import folder
from medusa.manifests.label_scheme import LabelScheme

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

Row = Mapping[str, str | None]


def acted_corpus(
    root: Path,
    corpus: str,
    pattern: re.Pattern[str],
    example: str,
    row: Callable[[Path, re.Match[str]], Row | None],
    scheme: LabelScheme,
    chosen: str = "",
    endings: Sequence[str] = ENDINGS,
) -> "Manifest":
    """Return a manifest with a row per recording; the label is the emotion that was acted.

    Args:
        root: the corpus's folder.
        corpus: the corpus's name, for messages.
        pattern: the end of a recording's path relative to `root`, without the suffix of the file.
        example: a name that fits the pattern, for messages.
        row: a function that returns the columns of a recording (with `label`), or None to skip it.
        scheme: the classes.
        chosen: the option that skips recordings, for messages.
        endings: the suffixes of recordings.

    Raises:
        ManifestError: there is no recording, or every recording was skipped, or a name does not
            fit, or two names are equal.
    """
    import pandas as pd

    from medusa.manifests.labels.votes import one_hot
    from medusa.manifests.manifest import Manifest

    files, line = recordings_below(folder(root, corpus), endings)
    if not files:
        others = f" (but {', '.join(f'{n} {why}' for why, n in line.dropped.items())})"
        raise ManifestError(
            f"{root}: no wav file here or below{others if line.dropped else ''}; expected names "
            f"like {example}"
        )
    recordings = _named(files, root, corpus, pattern, example)
    rows = [columns for file, name in recordings if (columns := row(file, name)) is not None]
    line.drop(f"not of {chosen}", len(files) - len(rows))
    if not rows:
        raise ManifestError(f"{root}: no recording of {chosen}")
    frame = pd.DataFrame(rows)
    has_split = "split" in frame and frame["split"].notna().all()
    provenance: dict[str, object] = {"import": [line.to_dict()]}
    provenance |= {"split": {"by": "corpus"}} if has_split else {}
    soft = one_hot(frame["label"], scheme)
    return Manifest(pd.concat([frame, soft], axis=1), scheme, provenance=provenance)


def _named(
    files: Sequence[Path], root: Path, corpus: str, pattern: re.Pattern[str], example: str
) -> Iterator[tuple[Path, re.Match[str]]]:
    """Yield each recording with the match of its name; the other arguments are as above."""
    strange: list[str] = []
    file_by_name: dict[str, Path] = {}
    for file in files:
        name = pattern.search(file.relative_to(root).with_suffix("").as_posix())
        if name is None:
            strange.append(str(file.relative_to(root)))
            continue
        if name[0] in file_by_name:
            raise ManifestError(
                f"{root}: one recording is there twice, as {file_by_name[name[0]]} and {file}; "
                "name the folder of one copy of the corpus"
            )
        file_by_name[name[0]] = file
        yield file, name
    if strange:
        raise ManifestError(
            f"{root}: {len(strange)} files are not named like {corpus}'s {example}: "
            f"{listed(strange)}; move other files away, or import them with "
            "`medusa manifest import csv`"
        )
