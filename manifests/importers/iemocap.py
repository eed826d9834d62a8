"""IEMOCAP: acted and improvised English dialogues, 10,039 utterances of ten actors, five sessions.

Three or more raters chose among nine emotions and "other", and rated valence, activation (here:
arousal) and dominance. ROOT is the folder with `Session1` to `Session5`.
`dialog/EmoEvaluation/*.txt` has the labels and the votes, `dialog/transcriptions/*.txt` the texts,
and `sentences/wav/<dialogue>/*.wav` the recordings. Without recordings the rows have no audio.

The label is the published consensus (`xxx` means no consensus). A rater may name several emotions:
the first is kept as primary, the others as secondary, and the soft label counts each of them one
time per rater. The actors' ratings of themselves are left out, as in the published consensus.
Ratings from 1 to 5 are stretched to 1 to 7. The usual classes are `--classes four` (angry, happy
with excited, neutral, sad: 5,531 utterances) and `iemocap-6`. Utterances of other classes are left
out, or kept without a label.

An id is `Ses01F_impro01_M003`: session 1, the dialogue, the man's fourth turn; the speaker is
`Ses01M`. The corpus has no split of its own; protocols leave a session out
(`medusa manifest split leave-out Ses05 --of session`).

Source: Busso et al., Language Resources and Evaluation, 2008. Licence: from USC SAIL on request,
https://sail.usc.edu/iemocap/
"""

import math
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.errors import ManifestError
from medusa.manifests.import_tools.csv_rows import BadRow
from medusa.manifests.import_tools.files import by_id, recordings_below
from medusa.manifests.import_tools.tables import files_of, folder, refuse_bad_rows, text_at
from medusa.manifests.import_tools.tally import Line, total
from medusa.manifests.labels.published import SCHEMES

if TYPE_CHECKING:
    import pandas as pd

    from medusa.manifests.manifest import Manifest

ALL = "angry,disgust,excited,fear,frustrated,happy,neutral,sad,surprise"
CODES = {
    **{"ang": "angry", "dis": "disgust", "exc": "excited", "fea": "fear", "fru": "frustrated"},
    **{"hap": "happy", "neu": "neutral", "sad": "sad", "sur": "surprise"},
    **{"oth": "other", "xxx": ""},
}
WORDS = {
    **{"anger": "angry", "disgust": "disgust", "excited": "excited", "fear": "fear"},
    **{"frustration": "frustrated", "happiness": "happy", "neutral": "neutral"},
    **{"neutral state": "neutral", "sadness": "sad", "surprise": "surprise", "other": "other"},
}
HEAD = re.compile(
    r"\[(?P<start>[\d.]+) *- *(?P<end>[\d.]+)\]\s+(?P<id>Ses\d\d[FM]\w+_[FM]\w+)\s+(?P<code>\w{3})"
    r"\s+\[(?P<valence>[\d.]+), *(?P<arousal>[\d.]+), *(?P<dominance>[\d.]+)\]\s*"
)
CLASSES = re.compile(r"C-(?P<rater>E\d+):\s*(?P<words>[^(]*?)\s*(?:\(.*)?")
RATINGS = re.compile(
    r"A-(?P<rater>E\d+):\s*val\s*([\d.]*)\s*;\s*act\s*([\d.]*)\s*;\s*dom\s*([\d.]*)\s*;?.*"
)
TEXT = re.compile(r"(?P<id>Ses\d\d[FM]\w+)\s*\[[\d. -]+\]:\s*(?P<text>.*)")
OPTIONS = [
    click.Option(
        ["--classes"],
        metavar="SCHEME",
        default="iemocap-6",
        show_default=True,
        help=f"One of {', '.join(SCHEMES)}, all, or classes like angry,happy+excited=happy,sad.",
    ),
    click.Option(
        ["--outside"],
        type=click.Choice(["drop", "keep"]),
        default="drop",
        show_default=True,
        help="Leave out the utterances without a consensus among these classes, or keep them.",
    ),
]


def import_corpus(root: Path, classes: str = "iemocap-6", outside: str = "drop") -> "Manifest":
    """Read the dialogues' label files in `root`.

    Raises:
        ManifestError: there is no label file, or some of its lines cannot be read (all are listed),
            or `classes` is not a scheme.
    """
    import pandas as pd

    from medusa.manifests.labels.schemes import Rules, label_votes, parse
    from medusa.manifests.manifest import VOTE_COLUMNS, Manifest

    rules = Rules(soft="primary+secondary")

    scheme = parse(ALL, "iemocap-9") if classes == "all" else parse(classes)
    folder(root, "IEMOCAP")
    files = _tables(root, "EmoEvaluation")
    if not files:
        raise ManifestError(
            f"{root}: no Session*/dialog/EmoEvaluation/*.txt here; expected IEMOCAP"
        )
    bad: list[BadRow] = []
    known: dict[str, str] = {}
    blocks = [block for path in files for block in _blocks(path, bad, known)]
    refuse_bad_rows(bad)
    if not blocks:
        raise ManifestError(
            f"{root}: no utterance to import; expected lines like [6.29 - 8.23] Ses01F_impro01_F000"
        )
    transcribed = _tables(root, "transcriptions")
    texts = _texts(transcribed)
    frame, recordings = _frame(root, [head for head, _ in blocks], texts)
    votes = pd.DataFrame(
        [vote for _, rater_votes in blocks for vote in rater_votes],
        columns=list(VOTE_COLUMNS),
    )
    _, soft = label_votes(votes, frame["id"], scheme, rules)
    frame["label"] = frame["label"].map(scheme.words).astype("str")
    frame = pd.concat([frame, soft], axis=1)
    tally = Line("utterances", len(frame), note=f"in {len(files)} dialogues")
    spoken = files_of("texts", texts, frame["id"])
    if outside == "drop":
        without = frame["label"].isna()
        tally.drop("have no consensus among the classes", int(without.sum()))
        frame = frame[~without].reset_index(drop=True)
        votes = votes[votes["id"].isin(set(frame["id"]))].reset_index(drop=True)
    labels = {"words": scheme.words, **asdict(rules)}
    lines = [tally, *([recordings] if recordings.found else []), *([spoken] if transcribed else [])]
    provenance = {"labels": labels, "import": [line.to_dict() for line in lines]}
    return Manifest(frame, scheme.scheme, votes, provenance=provenance)


def _blocks(
    path: Path, bad: list[BadRow], known: dict[str, str]
) -> Iterator[tuple[dict[str, object], list[tuple[object, ...]]]]:
    """Yield the first line of each utterance, and its votes; `known` has the places of the ids."""
    for number, block in _parts(text_at(path)):
        head = HEAD.fullmatch(block[0])
        if head is None:
            bad.append(BadRow(path, number, f"not an utterance's first line: {block[0][:80]!r}"))
            continue
        if head["code"] not in CODES:
            bad.append(BadRow(path, number, f"{head['code']!r} is not an emotion of IEMOCAP"))
            continue
        first = known.setdefault(head["id"], f"{path.name}:{number}")
        if first != f"{path.name}:{number}":
            bad.append(BadRow(path, number, f"{head['id']} comes twice, first in {first}"))
            continue
        words_by_rater: dict[str, list[str]] = {}
        rated: dict[str, list[float]] = {}
        for line_number, line in enumerate(block[1:], number + 1):
            if named := CLASSES.fullmatch(line):
                words = [word.strip().lower() for word in named["words"].split(";")]
                words_by_rater[named["rater"]] = [WORDS.get(word, word) for word in words if word]
            elif given := RATINGS.fullmatch(line):
                rated[given["rater"]] = [_stretched(cell) for cell in given.groups()[1:]]
            elif line.startswith(("C-E", "A-E")):
                bad.append(BadRow(path, line_number, f"not a vote: {line[:80]!r}"))
        yield head.groupdict(), list(_votes(head["id"], words_by_rater, rated))


def _parts(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the lines of each block that starts with a bracket."""
    block: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("["):
            if block:
                yield start, block
            block, start = [line], number
        elif block and line.strip():
            block.append(line)
    if block:
        yield start, block


def _votes(
    name: str, words_by_rater: dict[str, list[str]], rated: dict[str, list[float]]
) -> Iterator[tuple[object, ...]]:
    """Yield a vote per rater: the first emotion, the other emotions, and the ratings."""
    for rater in sorted({*words_by_rater, *rated}):
        words = words_by_rater.get(rater) or [None]  # type: ignore[list-item]
        valence, arousal, dominance = rated.get(rater, [math.nan] * 3)
        yield (name, rater, words[0], words[1:], arousal, valence, dominance)


def _tables(root: Path, kind: str) -> list[Path]:
    """Return the files of one kind for all dialogues, sorted."""
    files = root.glob(f"Session[1-5]/dialog/{kind}/[!.]*")
    return sorted(path for path in files if path.suffix.lower() == ".txt")


def _frame(
    root: Path, heads: list[dict[str, object]], texts: dict[str, str]
) -> "tuple[pd.DataFrame, Line]":
    """Return the utterances with their texts and recordings, and the count of the recordings."""
    import pandas as pd

    table = pd.DataFrame(heads, dtype="str")
    names = table["id"]
    codes = table["code"].map(CODES)
    parts = [
        recordings_below(folder_path, (".wav",))
        for folder_path in root.glob("Session[1-5]/sentences/wav")
    ]
    line = total([part for _, part in parts])
    wavs = by_id({path.stem: path for files, _ in parts for path in files}, names, line)
    frame = pd.DataFrame({"id": names, "label": codes.where(codes != "")})
    frame["speaker"] = names.str[:5] + names.str.extract(r"_([FM])\w+$")[0]
    frame["gender"] = frame["speaker"].str[-1].map({"F": "female", "M": "male"})
    frame["language"] = "en"
    frame["text"] = names.map(texts)
    frame["path"] = None
    if wavs:
        dialogues = (
            f"{root}/Session" + names.str[4] + "/sentences/wav/" + names.str.rpartition("_")[0]
        )
        expected = dialogues + "/" + names + ".wav"
        frame["path"] = names.map(wavs).fillna(expected)
    for name in ("arousal", "valence", "dominance"):
        frame[name] = table[name].map(_stretched)
    return frame, line


def _texts(files: list[Path]) -> dict[str, str]:
    """Return the text of each utterance."""
    texts = {}
    for path in files:
        for line in text_at(path).splitlines():
            if spoken := TEXT.fullmatch(line.strip()):
                texts[spoken["id"]] = spoken["text"]
    return texts


def _stretched(cell: str) -> float:
    """Return a rating from 1 to 5 on the scale from 1 to 7."""
    return 1 + (float(cell) - 1) * 6 / 4 if cell else math.nan
