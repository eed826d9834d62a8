"""The csv that the published MEDUSA code trains on: soft labels and attributes of MSP-Podcast.

ROOT is the csv with the columns `FileName`, one per class (`Angry`, `Sad`, `Happy`, `Surprise`,
`Fear`, `Disgust`, `Contempt`, `Neutral`, in any order), `EmoAct`, `EmoVal`, `EmoDom` and
`Split_Set`. Each row of the class columns is divided by its sum, so the cells may be counts of
votes or shares. A row of zeros or of empty cells has no label. The label is the largest share; a
tie has no label. `Train`, `Development` and `Test` become train, dev and test; others are kept.

The table has no speakers, so use its own split. The MSP Lab licenses MSP-Podcast itself (the
recordings and transcripts) on request.

Source: arXiv 2506.09556 and its public code.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.manifests.import_tools.files import with_real_ending
from medusa.manifests.import_tools.tables import (
    amounts,
    lines_of,
    or_null,
    ratings,
    read_table,
    read_texts,
    refuse_repeated,
    standard_splits,
)
from medusa.manifests.import_tools.tally import Line
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
        help="The folder with the recordings in FileName; without this option, rows have no audio.",
    ),
    click.Option(
        ["--transcripts"],
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A folder with one .txt per recording; without that file, a row has no text.",
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
    stems = table["FileName"].str.replace(r"(?i)\.wav$", "", regex=True)
    refuse_repeated(stems, lines_of(table), root)
    paths = None if audio is None else (str(audio) + "/" + stems + ".wav").map(with_real_ending)
    texts, counts_of_texts = read_texts(transcripts, stems) if transcripts else (None, None)
    counts = np.column_stack([amounts(table, name, root) for name in CLASSES])
    soft = shares_of(counts, SCHEME)
    frame = pd.DataFrame(
        {
            "id": stems,
            "path": paths,
            "language": "en",
            "split": standard_splits(or_null(table["Split_Set"])),
            "text": texts,
            "label": plurality(soft, SCHEME),
        }
    )
    attributes = {name: ratings(table, column, root) for column, name in ATTRIBUTES.items()}
    frame = pd.concat([frame.assign(**attributes), soft], axis=1)
    provenance: dict[str, object] = {"split": {"by": "corpus"}}
    if counts_of_texts:
        lines = (Line("utterances", len(frame)), counts_of_texts)
        provenance["import"] = [line.to_dict() for line in lines]
    return Manifest(frame, SCHEME, provenance=provenance)
