"""Submissions to the challenge on naturalistic speech emotion: Task 1, classes; Task 2, attributes.

Task 1 is a csv file `FileName,EmoClass` with a letter in each row. Task 2 is a csv file
`FileName,EmoAct,EmoVal,EmoDom` with numbers from 1 to 7. Both have one row for each of the 3,200
recordings of Test3.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medusa.atomic import write_text
from medusa.errors import RunError, listed, plural
from medusa.manifests import ATTRIBUTES
from medusa.scoring import Predictions

TEST3 = 3200
LETTERS = {
    "angry": "A",
    "sad": "S",
    "happy": "H",
    "surprise": "U",
    "fear": "F",
    "disgust": "D",
    "contempt": "C",
    "neutral": "N",
}
HEADERS = {1: ("FileName", "EmoClass"), 2: ("FileName", "EmoAct", "EmoVal", "EmoDom")}
LEAST, MOST = 1.0, 7.0
FORM = "expected MSP-PODCAST_test3_0001.wav and so on, each of them once"


def expected_names() -> list[str]:
    """Return the names of the test recordings, in order."""
    return [f"MSP-PODCAST_test3_{number:04d}.wav" for number in range(1, TEST3 + 1)]


def submission(predictions: Predictions, task: int, names: Sequence[str]) -> str:
    """Return the text of a submission file.

    Args:
        predictions: the predictions of the test split. An id is a name of `names` without `.wav`.
        task: 1 or 2.
        names: the recordings that must be predicted, each once, in the order of the file.

    Raises:
        RunError: a name is missing, occurs twice or is not expected; a class has no letter; or the
            run predicts no attributes, or numbers that are not finite.
    """
    given = [name if name.endswith(".wav") else f"{name}.wav" for name in predictions.ids]
    problems = name_problems(given, names)
    if problems:
        raise RunError(
            "expected predictions of every test recording, found other ones:\n  "
            + "\n  ".join(problems)
        )
    order = {name: row for row, name in enumerate(given)}
    rows = [order[name] for name in names]
    cells = _classes(predictions, rows) if task == 1 else _attributes(predictions, rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADERS[task])
    writer.writerows([name, *row] for name, row in zip(names, cells, strict=True))
    return text.getvalue()


def write(path: Path, text: str, names: Sequence[str]) -> None:
    """Write a submission, as a whole or not at all, and check the file.

    Raises:
        RunError: see `check`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    check(path, names)


def check(path: Path, names: Sequence[str]) -> int:
    """Return the task of a submission file, 1 or 2.

    Raises:
        RunError: the file is not a valid submission. All problems are listed with their lines.
    """
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise RunError(
            f"{path}: expected a csv file in UTF-8, which this is not ({problem}); write it again "
            "with `medusa submit --force`"
        ) from problem
    header = tuple(rows[0]) if rows else ()
    task = next((number for number, columns in HEADERS.items() if columns == header), 0)
    if not task:
        raise RunError(
            f"{path}:1: the header is {','.join(header)!r}; expected {','.join(HEADERS[1])!r} "
            f"(Task 1) or {','.join(HEADERS[2])!r} (Task 2); write it again with `medusa submit`"
        )
    found = [_wrong(line, row, task) for line, row in enumerate(rows[1:], 2)]
    problems = [problem for problem in found if problem]
    problems += name_problems([row[0] for row in rows[1:] if row], names)
    if problems:
        more = [f"and {len(problems) - 20} more"] if len(problems) > 20 else []
        shown = "\n  ".join([*problems[:20], *more])
        raise RunError(f"{path}: not a submission to Task {task}:\n  {shown}")
    return task


def name_problems(given: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return a sentence about names that are missing, occur twice or are not expected."""
    counts: dict[str, int] = {}
    for name in given:
        counts[name] = counts.get(name, 0) + 1
    known = set(names)
    kinds: Mapping[str, list[str]] = {
        "missing": [name for name in names if name not in counts],
        "more than once": [name for name, count in counts.items() if count > 1],
        "not expected": [name for name in counts if name not in known],
    }
    return [f"{len(bad)} {kind}: {listed(bad)}; {FORM}" for kind, bad in kinds.items() if bad]


def _wrong(line: int, row: list[str], task: int) -> str:
    """Return the problem of a row's cells, or an empty text."""
    width = len(HEADERS[task])
    if len(row) != width:
        return f"line {line}: {len(row)} cells, expected {width}"
    if task == 1:
        right = row[1] in LETTERS.values()
        letters = ", ".join(LETTERS.values())
        return "" if right else f"line {line}: {row[1]!r}, expected one of {letters}"
    odd = [cell for cell in row[1:] if not _rating(cell)]
    return f"line {line}: {listed(odd)}, expected numbers from 1 to 7" if odd else ""


def _rating(cell: str) -> bool:
    try:
        return LEAST <= float(cell) <= MOST
    except ValueError:
        return False


def _classes(predictions: Predictions, rows: list[int]) -> list[list[str]]:
    strange = [name for name in predictions.classes if name not in LETTERS]
    if strange:
        raise RunError(
            f"Task 1 has no letter for {listed(strange)}, only for {', '.join(LETTERS)}; "
            "train on a manifest of `medusa manifest relabel --classes msp-8`"
        )
    logits = _finite(predictions.logits(), predictions)
    letters = [LETTERS[name] for name in predictions.classes]
    return [[letters[code]] for code in logits.argmax(axis=1)[rows]]


def _attributes(predictions: Predictions, rows: list[int]) -> list[list[str]]:
    values = predictions.attributes()
    if values is None:
        raise RunError(
            f"Task 2 needs predictions of {', '.join(ATTRIBUTES)}, and run {predictions.run} has "
            "none; train on a manifest with attributes"
        )
    values = np.clip(_finite(values, predictions), LEAST, MOST)
    return [[f"{value:.4f}" for value in row] for row in values[rows]]


def _finite(values: npt.NDArray[np.float32], predictions: Predictions) -> npt.NDArray[np.float32]:
    odd = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(odd):
        ids = np.array(predictions.ids)[odd]
        raise RunError(
            f"{plural(len(odd), 'prediction is')} not finite: {listed(ids)}; train the run again"
        )
    return values
