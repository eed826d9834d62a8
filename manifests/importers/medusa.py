"""The csv that the published MEDUSA code trains on: soft labels and attributes of MSP-Podcast.

ROOT is the csv with the columns `FileName`, one per class (`Angry`, `Sad`, `Happy`, `Surprise`,
`Fear`, `Disgust`, `Contempt`, `Neutral`, in any order), `EmoAct`, `EmoVal`, `EmoDom` and
`Split_Set`. Each row of the class columns is divided by its sum, so counts of votes and shares are
both right; a row of zeros or of empty cells has no label. The label is the largest share; ties
have none. `Train` and `Development` become train and dev, `Test` becomes test; other names stay.

The table has no speakers, so its own split is the one to use. MSP-Podcast itself (recordings,
transcripts) is licensed by its makers, the MSP Lab, on request.

Source: arXiv 2506.09556 and its public code.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.errors import ManifestError, listed
from medusa.manifests.import_tools.tables import (
    numbers,
    or_null,
    ratings,
    read_table,
    read_texts,
    standard_splits,
)
from medusa.manifests.label_scheme import LabelScheme

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

CLASSES = ("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral")
ATTRIBUTES = {"EmoAct": "arousal", "EmoVal": "valence", "EmoDom": "dominance"}
SCHEME = LabelScheme("medusa", tuple(name.lower() for name in CLASSES))
OPTIONS = [
    click.Option(
        ["--audio"],
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="The folder with the recordings named in FileName; without it, rows have no audio.",
    ),
    click.Option(
        ["--transcripts"],
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A folder with one .txt per recording; a missing one leaves the text empty.",
    ),
]


def import_corpus(
    root: Path, audio: Path | None = None, transcripts: Path | None = None
) -> "Manifest":
    """Read the csv at `root`.

    Raises:
        ManifestError: columns are missing, cells are not numbers, ratings are not from 1 to 7, or
            shares are negative.
    """
    import numpy as np
    import pandas as pd

    from medusa.manifests.labels.votes import plurality, shares_of
    from medusa.manifests.manifest import Manifest

    table = read_table(root, ["FileName", *CLASSES, *ATTRIBUTES, "Split_Set"])
    stems = table["FileName"].str.removesuffix(".wav")
    counts = np.column_stack([numbers(table, name, root) for name in CLASSES])
    if (counts < 0).any():
        bad = table["FileName"].to_numpy()[np.flatnonzero((counts < 0).any(axis=1))]
        raise ManifestError(f"{root}: soft labels below zero for {listed(bad)}; expected 0 or more")
    soft = shares_of(counts, SCHEME)
    frame = pd.DataFrame(
        {
            "id": stems,
            "path": None if audio is None else str(audio) + "/" + stems + ".wav",
            "language": "en",
            "split": standard_splits(or_null(table["Split_Set"])),
            "text": None if transcripts is None else read_texts(transcripts, stems),
            "label": plurality(soft, SCHEME),
        }
    )
    attributes = {name: ratings(table, column, root) for column, name in ATTRIBUTES.items()}
    frame = pd.concat([frame.assign(**attributes), soft], axis=1)
    return Manifest(frame, SCHEME, provenance={"split": {"by": "corpus"}})
