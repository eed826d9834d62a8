"""CMU-MOSEI and tables like it: video segments with the strength of six emotions, and a sentiment.

ROOT is a csv with a row per segment: `video_id`, `clip_id`, `text`, and the emotions `happy`,
`sad`, `anger`, `surprise`, `disgust` and `fear` from 0 to 3. If they are known, it also has
`sentiment` from -3 to 3, `start` and `end` in seconds, `split` and `speaker`. The column `split`
may be called `mode`, and `sentiment` may be called `label`. CMU-MOSEI has 23,453 such segments of
some 1,000 speakers, in three splits.

The soft label is the share of each emotion's strength. A segment without any emotion has no label,
or the label `neutral` with `--none neutral`. The label is the strongest emotion; a tie has no
label. Valence is the sentiment plus 4, on the scale 1 to 7. `--audio FOLDER` has `<video_id>.wav`
for rows with start and end, and `<video_id>/<clip_id>.wav` otherwise. If the table has no speakers,
each video counts as a speaker.

Source: Zadeh et al., ACL 2018. Licence: free for research,
http://multicomp.cs.cmu.edu/resources/cmu-mosei-dataset/
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.errors import ManifestError, listed
from medusa.manifests.import_tools.files import with_real_ending
from medusa.manifests.import_tools.tables import (
    lines_of,
    numbers,
    or_null,
    read_table,
    refuse_repeated,
    standard_splits,
)
from medusa.manifests.label_scheme import LabelScheme

if TYPE_CHECKING:
    import pandas as pd

    from medusa.manifests.manifest import Manifest

EMOTIONS = ("happy", "sad", "anger", "surprise", "disgust", "fear")
MOST = {"sentiment": (-3, 3), **dict.fromkeys(EMOTIONS, (0, 3))}
SYNONYMS = {"mode": "split", "label": "sentiment"}
OPTIONS = [
    click.Option(
        ["--audio"],
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="The folder with the recordings; without this option, the rows have no audio.",
    ),
    click.Option(
        ["--none"],
        type=click.Choice(["null", "neutral"]),
        default="null",
        show_default=True,
        help="A segment without any emotion gets no label, or the seventh class neutral.",
    ),
]


def import_corpus(root: Path, audio: Path | None = None, none: str = "null") -> "Manifest":
    """Read the csv at `root`.

    Raises:
        ManifestError: columns are missing, or cells are not numbers or are outside their range.
    """
    import numpy as np
    import pandas as pd

    from medusa.manifests.labels.votes import plurality, shares_of
    from medusa.manifests.manifest import Manifest

    table = read_table(root, ["video_id", "clip_id", *EMOTIONS])
    lines = lines_of(table)
    table = table.rename(columns={old: new for old, new in SYNONYMS.items() if new not in table})
    strengths = np.column_stack([_within(table, name, root, lines) for name in EMOTIONS])
    classes: tuple[str, ...] = EMOTIONS
    if none == "neutral":
        classes = (*EMOTIONS, "neutral")
        strengths = np.column_stack([strengths, np.nan_to_num(strengths).sum(axis=1) == 0])
    scheme = LabelScheme("cmu-mosei", classes)
    soft = shares_of(strengths, scheme)
    frame = _rows(table, root, audio).assign(label=plurality(soft, scheme))
    refuse_repeated(frame["id"], lines, root)
    if "sentiment" in table:
        frame["valence"] = _within(table, "sentiment", root, lines) + 4
    provenance: dict[str, object] = {"split": {"by": "corpus"}} if "split" in frame else {}
    return Manifest(pd.concat([frame, soft], axis=1), scheme, provenance=provenance)


def _rows(table: "pd.DataFrame", root: Path, audio: Path | None) -> "pd.DataFrame":
    """Return the manifest's columns without the labels."""
    import pandas as pd

    video, clip = table["video_id"].str.strip(), table["clip_id"].str.strip()
    frame = pd.DataFrame({"id": video + "_" + clip, "language": "en"})
    frame["speaker"] = or_null(table["speaker"]) if "speaker" in table else video
    frame["text"] = table.get("text")
    if "split" in table:
        frame["split"] = standard_splits(or_null(table["split"]))
    cut = "start" in table and "end" in table
    if cut:
        frame["start_s"] = numbers(table, "start", root)
        frame["duration_s"] = numbers(table, "end", root) - frame["start_s"]
    if audio is not None:
        names = str(audio) + "/" + (video if cut else video + "/" + clip) + ".wav"
        frame["path"] = names.map(with_real_ending)
    return frame


def _within(table: "pd.DataFrame", column: str, path: Path, lines: list[int]) -> "pd.Series[float]":
    """Return the numbers of a column, or raise a ManifestError if one is outside its range."""
    import numpy as np

    values = numbers(table, column, path)
    least, most = MOST[column]
    wrong = np.flatnonzero(values.notna() & ~values.between(least, most))
    if len(wrong):
        cells = listed(f"{values.iloc[row]:g} in line {lines[row]}" for row in wrong)
        raise ManifestError(
            f"{path}: {column} should be from {least} to {most}, but has {cells}; correct the table"
        )
    return values
