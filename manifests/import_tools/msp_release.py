"""A release of MSP-Podcast has label files, recordings and transcripts, which are read here."""

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from medusa.errors import ManifestError, listed
from medusa.manifests.import_tools.csv_rows import BadRow
from medusa.manifests.import_tools.files import by_id, folders_below, recordings_below
from medusa.manifests.import_tools.msp_labels import READERS, Labels, kind_of
from medusa.manifests.import_tools.msp_rows import checked_votes, utterances
from medusa.manifests.import_tools.tables import folder, read_texts, refuse_bad_rows
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
# If a release has several kinds of files, the first kind in each list is read.
CONSENSUS = ("consensus csv", "consensus json", "labels txt")
DETAILED = ("detailed csv", "votes csv", "detailed json", "labels txt")
BAD_ROWS = "correct the files, or leave these rows out: --bad-rows drop"


@dataclass
class Release:
    """The contents of a release's folder: the label files by kind, and the recordings by stem.

    `sounds` is the count of the recordings. `transcripts` is the folder of transcripts, and
    `transcribed` has the stems of its files.
    """

    recordings: dict[str, Path]
    sounds: Line
    labels: dict[str, list[Path]] = field(default_factory=dict)
    transcripts: Path | None = None
    transcribed: set[str] = field(default_factory=set)


def read_release(
    root: Path,
    soft: str,
    other: str,
    no_consensus: str,
    all_other: str,
    bad_rows: str,
) -> Manifest:
    """Read the release in `root`; the options are the options of the command.

    Raises:
        ManifestError: for the reasons of the importer's `import_corpus`.
    """
    release = contents_of(folder(root, "MSP-Podcast"))
    consensus, voted = _read(root, release)
    rows = utterances(consensus, LETTERS)
    votes = None if voted is None else checked_votes(voted)
    bad = consensus.bad + (voted.bad_votes if voted is not None else [])
    if bad_rows == "refuse":
        refuse_bad_rows(bad, BAD_ROWS)
    rows = pd.concat([rows, _test3(release, rows)], ignore_index=True)
    tally = [_line("utterances", consensus, consensus.bad, len(rows))]
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


def contents_of(root: Path) -> Release:
    """Return the label files, recordings and transcripts below `root`."""
    recordings, sounds = recordings_below(root, (".wav",))
    release = Release({path.stem: path for path in recordings}, sounds)
    for folder_path, files in folders_below(root):
        if "transcript" in folder_path.name.lower():
            release.transcripts = folder_path
            release.transcribed = {name[:-4] for name in files if name.lower().endswith(".txt")}
            continue
        for name in files:
            if name.lower().endswith((".csv", ".json", ".txt")):
                path = folder_path / name
                if kind := kind_of(path):
                    release.labels.setdefault(kind, []).append(path)
    return release


def _read(root: Path, release: Release) -> tuple[Labels, Labels | None]:
    """Read the first kind of file with the consensus, and the first kind with votes."""
    chosen = [_first(release, kinds) for kinds in (CONSENSUS, DETAILED)]
    if chosen[0] is None:
        raise ManifestError(
            f"{root}: no consensus labels here or below: expected labels_consensus.csv or .json "
            "(or labels_concensus, or labels.txt) with FileName, EmoClass and the attributes"
        )
    kind, path = chosen[0]
    consensus = READERS[kind](path)
    if chosen[1] is None:
        return consensus, None
    same = chosen[1] == chosen[0]
    return consensus, consensus if same else READERS[chosen[1][0]](chosen[1][1])


def _first(release: Release, kinds: tuple[str, ...]) -> tuple[str, Path] | None:
    """Return the first kind that the release has, and its file; equal copies are allowed."""
    for kind in kinds:
        paths = release.labels.get(kind, [])
        if len({path.read_bytes() for path in paths}) > 1:
            raise ManifestError(
                f"there are {len(paths)} different files of one kind ({kind}): {listed(paths)}; "
                "name the folder of one release, or move the others away"
            )
        if paths:
            return kind, paths[0]
    return None


def _line(kind: str, labels: Labels, bad: list[BadRow], rows: int) -> Line:
    """Return the number of rows of a file; its bad rows are counted as found and dropped."""
    line = Line(kind, rows + len(bad), note=f"from {labels.path.name}")
    line.drop("could not be read", len(bad))
    return line


def _test3(release: Release, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows for the challenge's test utterances, which are in no label file."""
    names_on_disk = {*release.recordings, *release.transcribed}
    names = sorted({name for name in names_on_disk if TEST3.fullmatch(name)} - set(rows["id"]))
    return pd.DataFrame({"id": names, "split": "Test3"}, dtype="str")


def _labelled(
    rows: pd.DataFrame,
    votes: pd.DataFrame | None,
    scheme: Recoding,
    rules: Rules,
    tally: list[Line],
) -> pd.DataFrame:
    """Add soft labels to the rows; the label remains the published label."""
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
    """Apply the options: leave out rows whose votes are all other, and rows without a consensus."""
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
    """Add the recordings and the transcripts."""
    frame = frame.assign(language="en", path=None, text=None)
    if release.recordings:
        where = str(next(iter(release.recordings.values())).parent)
        found = by_id(release.recordings, frame["id"], release.sounds)
        frame["path"] = frame["id"].map(found).fillna(where + "/" + frame["id"] + ".wav")
        tally.append(release.sounds)
    if release.transcripts is not None:
        frame["text"], line = read_texts(release.transcripts, frame["id"])
        tally.append(line)
    return frame
