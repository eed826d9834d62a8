"""In acted corpora, the name of a recording contains its speaker, its sentence and its emotion."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medusa.errors import ManifestError, listed
from medusa.manifests.import_tools.tables import folder
from medusa.manifests.label_scheme import LabelScheme

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

ENDINGS = (".wav", ".flac")
Row = Mapping[str, str | None]


def acted_corpus(
    root: Path,
    corpus: str,
    pattern: re.Pattern[str],
    example: str,
    row: Callable[[Path, re.Match[str]], Row | None],
    scheme: LabelScheme,
    nothing: str = "no recording",
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
        nothing: the message if every recording was skipped.
        endings: the suffixes of recordings.

    Raises:
        ManifestError: `named_recordings` raises it, or every recording was skipped.
    """
    import pandas as pd

    from medusa.manifests.labels.votes import one_hot
    from medusa.manifests.manifest import Manifest

    recordings = named_recordings(root, corpus, pattern, example, endings)
    rows = [columns for file, name in recordings if (columns := row(file, name)) is not None]
    if not rows:
        raise ManifestError(f"{root}: {nothing}")
    frame = pd.DataFrame(rows)
    has_split = "split" in frame and frame["split"].notna().all()
    provenance: dict[str, object] = {"split": {"by": "corpus"}} if has_split else {}
    soft = one_hot(frame["label"], scheme)
    return Manifest(pd.concat([frame, soft], axis=1), scheme, provenance=provenance)


def named_recordings(
    root: Path,
    corpus: str,
    pattern: re.Pattern[str],
    example: str,
    endings: Sequence[str] = ENDINGS,
) -> Iterator[tuple[Path, re.Match[str]]]:
    """Yield each recording below `root` with the match of its name, sorted by path.

    The arguments are those of `acted_corpus`.

    Raises:
        ManifestError: there is no recording, or a name does not fit, or two names are equal.
    """
    files = sorted(path for path in folder(root, corpus).rglob("*") if path.suffix in endings)
    if not files:
        raise ManifestError(f"{root}: no wav file here or below; expected names like {example}")
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
