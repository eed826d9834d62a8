"""MSP-Podcast: natural English from podcasts, rated by crowds; every release and spelling.

Angry, sad, happy, surprise, fear, disgust, contempt and neutral, in this order; arousal, valence
and dominance from 1 to 7. The release of the 2025 challenge has 84,260 training and 31,961
development utterances, about 324 hours, at least five raters each, and 3,200 test utterances
without labels (Test3); neutral is some 26 times as frequent as fear.

ROOT is the release's folder. Label files are found below it and told apart by their content:
`labels_consensus.csv` or `.json` (also spelled `labels_concensus`), `labels_detailed.csv` in both
layouts or `.json`, and the older `labels.txt`; so are the folder of recordings, the folder of
transcripts, and Test3. Columns are matched by name. Votes are kept as they were given, in lower
case, so another scheme needs no new import (`medusa manifest relabel`).

The label is the published consensus: nothing for X (no agreement) and O (other). The soft label
shares out the votes over the classes. `Train` and `Development` become train and dev; Test1, Test2
and Test3 keep their names. A speaker or gender "Unknown" is no speaker and no gender.

Rows that cannot be read (broken quotes, bytes that are not UTF-8, attributes outside 1..7, names
with a path in them) are listed with file and line; `--bad-rows drop` leaves them out and counts
them.

Source: Lotfian and Busso, IEEE Transactions on Affective Computing, 2019. Licence: academic or
commercial, from the MSP Lab on request: https://lab-msp.com/MSP/MSP-Podcast.html
"""

import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
import numpy as np
import pandas as pd

from medusa.errors import listed, plural
from medusa.manifests.import_tools.corpus import CorpusError, folder, read_texts, refuse_bad_rows
from medusa.manifests.import_tools.csv_rows import BadRow
from medusa.manifests.import_tools.msp_labels import READERS, Labels, kind_of
from medusa.manifests.import_tools.msp_rows import checked_votes, utterances
from medusa.manifests.import_tools.tally import Line
from medusa.manifests.labels.schemes import OTHER, Recoding, Rules, label_votes, parse, with_other
from medusa.manifests.labels.votes import count_votes, one_hot
from medusa.manifests.manifest import Manifest, found_in

LETTERS = {
    **{"A": "angry", "S": "sad", "H": "happy", "U": "surprise", "F": "fear", "D": "disgust"},
    **{"C": "contempt", "N": "neutral", "O": OTHER, "X": ""},
}
SCHEME = parse("msp-8")
TEST3 = re.compile(r"msp-podcast_test3_\d+", re.IGNORECASE)
CONSENSUS = ("consensus csv", "consensus json", "labels txt")  # the first that is there is read
DETAILED = ("detailed csv", "votes csv", "detailed json", "labels txt")
BAD_ROWS = "correct the files, or leave these rows out: --bad-rows drop"
OPTIONS = [
    click.Option(
        ["--soft"],
        type=click.Choice(["primary", "primary+secondary"]),
        default="primary",
        show_default=True,
        help="Which votes the soft label counts: first choices, or every class a rater named.",
    ),
    click.Option(
        ["--other"],
        type=click.Choice(["drop", "ninth-class"]),
        default="drop",
        show_default=True,
        help="Votes for something else: not counted, or the ninth class, `other`.",
    ),
    click.Option(
        ["--no-consensus"],
        type=click.Choice(["keep", "drop"]),
        default="keep",
        show_default=True,
        help="Utterances without a consensus (X, and O unless it is a class).",
    ),
    click.Option(
        ["--all-other"],
        type=click.Choice(["drop", "uniform"]),
        default="drop",
        show_default=True,
        help="Utterances whose every vote is for something else: left out, or all classes alike.",
    ),
    click.Option(
        ["--bad-rows"],
        type=click.Choice(["refuse", "drop"]),
        default="refuse",
        show_default=True,
        help="Rows that cannot be read: refuse the import and list them, or leave them out.",
    ),
]


@dataclass
class Release:
    """What is in a release's folder: label files by kind, recordings and transcripts by stem."""

    labels: dict[str, list[Path]] = field(default_factory=dict)
    recordings: dict[str, str] = field(default_factory=dict)
    transcripts: Path | None = None
    spoken: set[str] = field(default_factory=set)


def import_corpus(
    root: Path,
    soft: str = "primary",
    other: str = "drop",
    no_consensus: str = "keep",
    all_other: str = "drop",
    bad_rows: str = "refuse",
) -> Manifest:
    """Read the release in `root`.

    Raises:
        CorpusError: no label file, two of one kind that differ, columns missing, or rows that
            cannot be read.
    """
    release = look(folder(root, "MSP-Podcast"))
    said, voted = _read(root, release)
    rows = utterances(said, LETTERS)
    votes = None if voted is None else checked_votes(voted)
    bad = said.bad + (voted.bad_votes if voted is not None else [])
    if bad_rows == "refuse":
        refuse_bad_rows(bad, BAD_ROWS)
    rows = pd.concat([rows, _test3(release, rows)], ignore_index=True)
    tally = [_line("utterances", said, said.bad, len(rows))]
    if votes is not None and voted is not None:
        tally.append(_line("votes", voted, voted.bad_votes, len(votes)))
        strangers = ~found_in(votes["id"], rows["id"])
        tally[1].drop("of utterances that are not in the consensus file", strangers.sum())
        votes = votes[~strangers].reset_index(drop=True)
    rules = Rules(soft, other, all_other)
    scheme = with_other(SCHEME) if other == "ninth-class" else SCHEME
    frame = _labelled(rows, votes, scheme, rules, tally)
    frame = _leave_out(frame, votes, scheme, no_consensus, all_other, tally)
    if votes is not None:
        kept = found_in(votes["id"], frame["id"])
        tally[1].drop("of utterances that were dropped", (~kept).sum())
        votes = votes[kept].reset_index(drop=True)
    frame = _places(frame, release, tally)
    provenance: dict[str, object] = {
        "split": {"by": "corpus"},
        "labels": {"words": scheme.words, **asdict(rules)},
        "import": [line.to_dict() for line in tally],
        "bad_rows": [str(row) for row in bad],
    }
    return Manifest(frame, scheme.scheme, votes, provenance=provenance)


def look(root: Path) -> Release:
    """Return the label files, recordings and transcripts below `root`."""
    release = Release()
    for place, folders, files in os.walk(root):
        folders.sort()
        if "transcript" in Path(place).name.lower():
            release.transcripts = Path(place)
            release.spoken = {name[:-4] for name in files if name.endswith(".txt")}
            continue
        for name in sorted(files):
            if name.lower().endswith(".wav"):
                release.recordings[name[:-4]] = f"{place}/{name}"
            elif name.endswith((".csv", ".json", ".txt")):
                path = Path(place) / name
                if kind := kind_of(path):
                    release.labels.setdefault(kind, []).append(path)
    return release


def _read(root: Path, release: Release) -> tuple[Labels, Labels | None]:
    """Read the best file of the consensus and the best file of votes."""
    chosen = [_first(release, kinds) for kinds in (CONSENSUS, DETAILED)]
    if chosen[0] is None:
        raise CorpusError(
            f"{root}: no consensus labels here or below: expected labels_consensus.csv or .json "
            "(or labels_concensus, or labels.txt) with FileName, EmoClass and the attributes"
        )
    kind, path = chosen[0]
    said = READERS[kind](path)
    if chosen[1] is None:
        return said, None
    same = chosen[1] == chosen[0]
    return said, said if same else READERS[chosen[1][0]](chosen[1][1])


def _first(release: Release, kinds: tuple[str, ...]) -> tuple[str, Path] | None:
    """Return the first kind that is there, and its file; copies of one file are one."""
    for kind in kinds:
        paths = release.labels.get(kind, [])
        if len({path.read_bytes() for path in paths}) > 1:
            raise CorpusError(
                f"{len(paths)} different files of one kind ({kind}): {listed(paths)}; "
                "name the folder of one release, or move the others away"
            )
        if paths:
            return kind, paths[0]
    return None


def _line(what: str, labels: Labels, bad: list[BadRow], rows: int) -> Line:
    """Return the count of what is in a file; its bad rows are found and dropped."""
    line = Line(what, rows + len(bad), note=f"from {labels.path.name}")
    line.drop("could not be read", len(bad))
    return line


def _test3(release: Release, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows for the challenge's test utterances, which no label file names."""
    there = {*release.recordings, *release.spoken}
    names = sorted({name for name in there if TEST3.fullmatch(name)} - set(rows["id"]))
    return pd.DataFrame({"id": names, "split": "Test3"}, dtype="str")


def _labelled(
    rows: pd.DataFrame,
    votes: pd.DataFrame | None,
    scheme: Recoding,
    rules: Rules,
    tally: list[Line],
) -> pd.DataFrame:
    """Give the rows soft labels; the label stays the published one."""
    label = rows["label"].where(rows["label"].isin(scheme.scheme.classes))
    soft = one_hot(label, scheme.scheme)
    if votes is not None:
        counted, shares = label_votes(votes, rows["id"], scheme, rules)
        voted = pd.Series(found_in(rows["id"], votes["id"]))
        soft = soft.where(~voted, shares)
        other = int((voted & (counted.fillna("") != label.fillna(""))).sum())
        tally[0].note += f"; {other} consensus labels are not the plurality of the votes"
    return pd.concat([rows.assign(label=label), soft], axis=1)


def _leave_out(
    frame: pd.DataFrame,
    votes: pd.DataFrame | None,
    scheme: Recoding,
    no_consensus: str,
    all_other: str,
    tally: list[Line],
) -> pd.DataFrame:
    """Leave out what the options say: rows with only other votes, rows without a consensus."""
    out = np.zeros(len(frame), bool)
    judged = frame["arousal"].notna()
    if votes is not None:
        judged |= found_in(frame["id"], votes["id"])
        if all_other == "drop":
            counts = count_votes(votes, frame["id"], [])
            unlabelled = frame[scheme.scheme.columns].isna().all(axis=1).to_numpy()
            out = (counts[:, -1] > 0) & unlabelled
            tally[0].drop("have votes outside the classes only", out.sum())
    if no_consensus == "drop":
        without = (judged & frame["label"].isna()).to_numpy() & ~out
        tally[0].drop("have no consensus", without.sum())
        out |= without
    return frame[~out].reset_index(drop=True)


def _places(frame: pd.DataFrame, release: Release, tally: list[Line]) -> pd.DataFrame:
    """Add recordings and transcripts."""
    frame = frame.assign(language="en", path=None, text=None)
    if release.recordings:
        where = os.path.dirname(next(iter(release.recordings.values())))
        frame["path"] = (
            frame["id"].map(release.recordings).fillna(where + "/" + frame["id"] + ".wav")
        )
        tally.append(_files("recordings", set(release.recordings), frame))
    if release.transcripts is not None:
        frame["text"] = read_texts(release.transcripts, frame["id"])
        tally.append(_files("transcripts", release.spoken, frame))
    return frame


def _files(what: str, names: set[str], frame: pd.DataFrame) -> Line:
    line = Line(what, len(names))
    line.drop("of no utterance in the manifest", len(names - set(frame["id"])))
    absent = len(set(frame["id"]) - names)
    line.note = f"{plural(absent, 'utterance has')} none" if absent else ""
    return line
