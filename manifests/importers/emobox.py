"""EmoBox: the metadata and the fixed folds of a benchmark with 32 corpora in 14 languages.

ROOT is the folder of one corpus in a copy of github.com/emo-box/EmoBox, such as `data/emodb`. It
has `label_map.json`, and in each folder `fold_N` the tables `CORPUS_train_fold_N.jsonl` and
`CORPUS_test_fold_N.jsonl`, for some corpora `CORPUS_valid_fold_N.jsonl`, too. The recordings are at
the paths of these tables below `--audio`, or there without the leading `downloads/CORPUS/`.

If the corpus has one fold, or `--fold N` names one, its tables are train, dev and test. A fold
without a table for dev gets dev from `medusa manifest split random --keep-test --force`. If the
corpus has several folds, every utterance is in the test table of one fold, and the id begins with
that fold (`fold_1/emodb-03a01Fa`). Then one command runs the whole protocol within the corpus:

  medusa cross-validate --by "^(fold_[0-9]+)/"

An utterance that no fold tests is left out, and counted. In each of its folds another fold is dev,
where EmoBox draws a fifth of the rows at random. The tables name no speakers. Some of the folds mix
them: in those of EmoDB all ten speakers are in train and in test. A score on such folds cannot be
compared with one that leaves speakers out.

Source: Ma et al., EmoBox, Interspeech 2024 (arXiv 2406.07162). Licence of the metadata: MIT.
"""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.errors import ManifestError, listed
from medusa.foreign import foreign
from medusa.manifests.import_tools.tables import folder
from medusa.manifests.import_tools.tally import Line
from medusa.manifests.label_scheme import LabelScheme

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

OPTIONS: "list[click.Option]" = [
    click.Option(
        ["--audio"],
        type=click.Path(path_type=Path, file_okay=False),
        help="The folder of the recordings.  [default: two folders above ROOT]",
    ),
    click.Option(
        ["--fold"], type=click.IntRange(min=1), help="Read the splits of this fold alone."
    ),
]
SPLITS = {"train": "train", "valid": "dev", "test": "test"}
Entry = dict[str, Any]


def import_corpus(root: Path, audio: Path | None = None, fold: int | None = None) -> "Manifest":
    """Read the tables below `root`.

    Args:
        root: the folder of a corpus.
        audio: the folder of the recordings.
        fold: the number of a fold whose splits are read; None for all folds.

    Raises:
        ManifestError: a table is missing or is not in the published form, an emotion is not in the
            label map, a recording is not below `audio`, or the test tables of the folds share
            utterances.
    """
    import pandas as pd

    from medusa.manifests.labels.votes import one_hot
    from medusa.manifests.manifest import Manifest

    folder(root, "EmoBox")
    root = root.absolute()  # Its name and the folders above it are read.
    numbers = sorted(int(one.name[5:]) for one in root.glob("fold_*") if one.name[5:].isdigit())
    if not numbers or (fold is not None and fold not in numbers):
        raise ManifestError(
            f"{root}: expected the folders fold_N of an EmoBox corpus, found "
            f"{listed(f'fold_{n}' for n in numbers)}; name the folder of a corpus, such as "
            "data/emodb, and one of its folds"
        )
    one = fold if fold is not None or len(numbers) > 1 else numbers[0]
    entries = _all_folds(root, numbers) if one is None else _one_fold(root, one)
    twice = [key for key, times in Counter(entry["key"] for entry in entries).items() if times > 1]
    if twice:
        raise ManifestError(
            f"{root}: expected every utterance one time in the tables, found {listed(twice)} "
            "again; copy the corpus again"
        )
    count = Line("utterances", len(entries))
    if one is None and (absent := _never_tested(root, numbers, entries)):
        count.found += absent
        count.drop("in no test table", absent)
    labels = _label_map(root / "label_map.json", entries)
    rows = [_row(entry, labels, root, audio or root.parents[1]) for entry in entries]
    frame = pd.DataFrame(rows)
    scheme = LabelScheme(root.name, tuple(sorted(set(labels.values()))))
    provenance: dict[str, object] = {"import": [count.to_dict()]}
    if one is not None:
        provenance["split"] = {"by": "corpus"}
    soft = one_hot(frame["label"], scheme)
    return Manifest(pd.concat([frame, soft], axis=1), scheme, provenance=provenance)


def _all_folds(root: Path, numbers: list[int]) -> list[Entry]:
    """Return the test rows of all folds, whose keys begin with the fold."""
    entries, fold_of = list[Entry](), dict[str, int]()
    for number in numbers:
        for entry in _table(root, "test", number):
            other = fold_of.setdefault(entry["key"], number)
            if other != number:
                raise ManifestError(
                    f"{root}: {entry['key']} is in the test tables of the folds {other} and "
                    f"{number}; these folds are no cross-validation; import one of them by --fold"
                )
            entries.append(entry | {"key": f"fold_{number}/{entry['key']}"})
    return entries


def _never_tested(root: Path, numbers: list[int], tested: list[Entry]) -> int:
    """Return the number of utterances that no fold tests; the import leaves them out."""
    others = {
        entry["key"]
        for number in numbers
        for name in ("train", "valid")
        for entry in _table(root, name, number, required=False)
    }
    return len(others - {entry["key"].partition("/")[2] for entry in tested})


def _one_fold(root: Path, number: int) -> list[Entry]:
    """Return the rows of one fold with their split."""
    return [
        entry | {"split": split}
        for name, split in SPLITS.items()
        for entry in _table(root, name, number, required=name != "valid")
    ]


def _table(root: Path, split: str, number: int, required: bool = True) -> list[Entry]:
    """Return the rows of a table; a table that is not required may be absent."""
    names = [f"{root.name}_{split}_fold_{number}.jsonl", f"{root.name}_{split}_fold{number}.jsonl"]
    files = [root / f"fold_{number}" / name for name in names]
    path = next((file for file in files if file.exists()), None)
    if path is None:
        if required:
            raise ManifestError(f"{files[0]}: there is no such table; copy the corpus again")
        return []
    entries = []
    for line, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        entries.append(_entry(text, f"{path}:{line}"))
    return entries


def _entry(text: str, line: str) -> Entry:
    """Return one row of a table, with the keys that are needed."""
    with foreign(ManifestError, lambda reason: f"{line}: not a row of EmoBox ({reason})"):
        entry: Entry = json.loads(text)
        return entry | {name: entry[name] for name in ("key", "wav", "emo")}


def _label_map(path: Path, entries: list[Entry]) -> dict[str, str]:
    """Return the class, in lower case, of each emotion of the tables."""
    with foreign(ManifestError, lambda reason: f"{path}: not a label map ({reason})"):
        known = {
            str(name): str(label).lower()
            for name, label in json.loads(path.read_text("utf-8")).items()
        }
    if absent := sorted({str(entry["emo"]) for entry in entries} - known.keys()):
        raise ManifestError(
            f"{path}: expected every emotion of the tables, found no {listed(absent)}; add them"
        )
    return known


def _row(entry: Entry, labels: dict[str, str], root: Path, audio: Path) -> dict[str, Any]:
    """Return the columns of an utterance."""
    wav = str(entry["wav"])
    short = wav.removeprefix("downloads/").removeprefix(f"{root.name}/")
    if any(Path(one).is_absolute() or ".." in Path(one).parts for one in (wav, short)):
        raise ManifestError(
            f"{root}: {entry['key']}: expected a recording below {audio}, found the path {wav!r}; "
            "copy the corpus again"
        )
    path = audio / (short if (audio / short).exists() else wav)
    row = {"id": entry["key"], "path": str(path), "label": labels[str(entry["emo"])]}
    if "split" in entry:
        row["split"] = entry["split"]
    if entry.get("start_time") is not None and entry.get("end_time") is not None:
        start = float(entry["start_time"])
        row |= {"start_s": start, "duration_s": float(entry["end_time"]) - start}
    return row
