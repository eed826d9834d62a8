"""CREMA-D: acted English, 7,442 clips of 91 actors, with the votes of 2,443 raters.

The corpus has six emotions and twelve neutral sentences. ROOT is the corpus's folder. Its
`tabulatedVotes.csv` (also found in `processedResults/`) has the votes, `VideoDemographics.csv` the
actors' gender, and `AudioWAV/` the recordings. Without that folder the rows have no audio.

Raters had the voice, the face, or both. There are three sets of votes for the same clips, and
`--channel` chooses one set. An id is the clip's name: `1001_DFA_ANG_XX` is actor 1001, sentence
DFA, acted anger, intensity unspecified. The label is the emotion with most votes, which may differ
from the acted emotion; a tie has no label. The table does not name the raters. `--labels intended`
reads the acted emotion from the names of the recordings (or from `SentenceFilenames.csv`), and
needs no votes. The corpus has no split of its own; protocols leave actors out.

Source: Cao et al., CREMA-D, IEEE Transactions on Affective Computing, 2014. Licence: ODbL 1.0.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.errors import ManifestError, listed
from medusa.manifests.import_tools.csv_rows import BadRow
from medusa.manifests.import_tools.files import by_id, recordings_below
from medusa.manifests.import_tools.tables import (
    amounts,
    folder,
    lines_of,
    read_table,
    refuse_bad_rows,
    refuse_repeated,
)
from medusa.manifests.import_tools.tally import rows_and_files
from medusa.manifests.label_scheme import LabelScheme

if TYPE_CHECKING:
    import pandas as pd

    from medusa.manifests.manifest import Manifest

EMOTIONS = {
    "A": "anger",
    "D": "disgust",
    "F": "fear",
    "H": "happy",
    "N": "neutral",
    "S": "sad",
}
MOST_VOTES = 10_000
ACTED = {name[:3].upper(): name for name in EMOTIONS.values()}
SCHEME = LabelScheme("crema-d", tuple(EMOTIONS.values()))
CHANNELS = {"voice": "1", "face": "2", "both": "3"}  # It is the first digit of a row's number.
SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
OPTIONS = [
    click.Option(
        ["--channel"],
        type=click.Choice(list(CHANNELS)),
        default="voice",
        show_default=True,
        help="Read the votes of raters who had the voice alone, the face alone, or both.",
    ),
    click.Option(
        ["--labels"],
        type=click.Choice(["perceived", "intended"]),
        default="perceived",
        show_default=True,
        help="Read the emotion that the raters perceived, or the emotion that was acted.",
    ),
]


def import_corpus(root: Path, channel: str = "voice", labels: str = "perceived") -> "Manifest":
    """Read the votes of one channel or the acted emotions, and the paths of the recordings.

    Raises:
        ManifestError: a table is missing or is not in the published form, or the name of a clip
            is not as in CREMA-D.
    """
    import pandas as pd

    from medusa.manifests.labels.votes import from_votes
    from medusa.manifests.manifest import Manifest

    folder(root, "CREMA-D")
    if labels == "intended":
        return _intended(root)
    table = _votes_table(root)
    table = table[table["number"].str.startswith(CHANNELS[channel])].reset_index(drop=True)
    votes = _one_row_per_vote(table)
    frame, counts = _clips(root, table["fileName"])
    label, soft = from_votes(votes, frame["id"], SCHEME)
    frame = pd.concat([frame.assign(label=label), soft], axis=1)
    return Manifest(frame, SCHEME, votes, provenance=counts)


def _intended(root: Path) -> "Manifest":
    """Read the acted emotions from the names of the clips."""
    import pandas as pd

    from medusa.manifests.labels.votes import one_hot
    from medusa.manifests.manifest import Manifest

    stems = sorted({file.stem for file in recordings_below(root / "AudioWAV", (".wav",))[0]})
    if not stems:
        table = read_table(root / "SentenceFilenames.csv", ["Filename"])
        refuse_repeated(table["Filename"], lines_of(table), root / "SentenceFilenames.csv")
        stems = list(table["Filename"])
    names = pd.Series(stems, dtype="str")
    frame, counts = _clips(root, names)
    frame["label"] = names.str.split("_").str[2].map(ACTED)
    strange = names[frame["label"].isna()]
    if len(strange):
        raise ManifestError(f"{root}: clips not named like 1001_DFA_ANG_XX: {listed(strange)}")
    rows = pd.concat([frame, one_hot(frame["label"], SCHEME)], axis=1)
    return Manifest(rows, SCHEME, provenance=counts)


def _votes_table(root: Path) -> "pd.DataFrame":
    """Return the running number, the clip and its vote counts."""
    files = [root / "tabulatedVotes.csv", root / "processedResults" / "tabulatedVotes.csv"]
    path = next((file for file in files if file.is_file()), files[0])
    table = read_table(path, [*EMOTIONS, "fileName"])
    table = table.rename(columns={table.columns[0]: "number"})
    refuse_repeated(table["number"].str[0] + " " + table["fileName"], lines_of(table), path)
    counts = {letter: _whole(table, letter, path) for letter in EMOTIONS}
    return table[["number", "fileName"]].assign(**counts)


def _whole(table: "pd.DataFrame", letter: str, path: Path) -> "pd.Series[float]":
    """Return a column of votes; an empty cell has none."""
    counts = amounts(table, letter, path).fillna(0)
    cells = zip(lines_of(table), table[letter], counts, strict=True)
    strange = [(line, cell) for line, cell, count in cells if count % 1 or count > MOST_VOTES]
    problem = f"is no number of votes (a whole number up to {MOST_VOTES})"
    refuse_bad_rows([BadRow(path, line, f"{letter} {problem}: {cell!r}") for line, cell in strange])
    return counts


def _one_row_per_vote(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a row per vote from the counts by emotion; the raters are unknown."""
    import numpy as np
    import pandas as pd

    counts = table[list(EMOTIONS)].to_numpy().astype(np.int64)
    clips, emotions = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), len(EMOTIONS))
    none = pd.Series(None, index=range(len(clips)), dtype=object)
    return pd.DataFrame(
        {
            "id": table["fileName"].to_numpy()[clips],
            "rater": none,
            "primary": np.array(SCHEME.classes)[emotions],
            "secondary": none,
            "arousal": np.float32("nan"),
            "valence": np.float32("nan"),
            "dominance": np.float32("nan"),
        }
    )


def _clips(root: Path, names: "pd.Series[str]") -> "tuple[pd.DataFrame, dict[str, object]]":
    """Return the columns from names, the actors' table and the recordings, and the counts."""
    import pandas as pd

    parts = names.str.split("_", expand=True).reindex(columns=range(4))
    strange = names[~parts[1].isin(list(SENTENCES)) | parts[3].isna()]
    if len(strange):
        raise ManifestError(f"{root}: clips not named like 1001_DFA_ANG_XX: {listed(strange)}")
    path = root / "VideoDemographics.csv"
    actors = read_table(path, ["ActorID", "Sex"])
    refuse_repeated(actors["ActorID"], lines_of(actors), path)
    gender = actors.set_index("ActorID")["Sex"].str.lower()
    files, line = recordings_below(root / "AudioWAV", (".wav",))
    wavs = by_id({file.stem: file for file in files}, names, line)
    missing = str(root / "AudioWAV") + "/" + names + ".wav"
    frame = pd.DataFrame(
        {
            "id": names,
            "path": names.map(wavs).fillna(missing) if wavs else None,
            "speaker": parts[0],
            "gender": parts[0].map(gender),
            "language": "en",
            "text": parts[1].map(SENTENCES),
        }
    )
    return frame, {"import": rows_and_files(frame, line)}
