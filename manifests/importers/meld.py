"""MELD: 13,708 utterances of a television series; 7 emotions, heavily unbalanced.

ROOT is the folder with `train_sent_emo.csv`, `dev_sent_emo.csv` and `test_sent_emo.csv` (9,989,
1,109 and 2,610 rows). These files are the corpus's own split. An id contains the split
(`train_dia0_utt0`), because each split numbers its dialogues from 0. The names of recordings are
`dia0_utt0.wav` (or .flac), and their folders contain the name of the split (`train_splits`,
`dev_splits_complete`, `output_repeated_splits_test`). The published clips are videos, so extract
their sound first (`ffmpeg -i dia0_utt0.mp4 -ac 1 -ar 16000 dia0_utt0.wav`). Without recordings the
rows have no audio.

The six main characters are in all three splits by design of the corpus, so its protocol is not
speaker-independent; the audit warns of it. Each utterance has one consensus label and no votes.

Source: Poria et al., MELD, ACL 2019 (arXiv 1810.02508). Licence: GPL-3.0.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from medusa.errors import nearest
from medusa.manifests.import_tools.csv_rows import BadRow
from medusa.manifests.import_tools.files import by_id, recordings_below
from medusa.manifests.import_tools.tables import (
    folder,
    lines_of,
    or_null,
    read_table,
    refuse_bad_rows,
    refuse_repeated,
)
from medusa.manifests.import_tools.tally import rows_and_files
from medusa.manifests.label_scheme import SPLITS, LabelScheme

if TYPE_CHECKING:
    import click
    import pandas as pd

    from medusa.manifests.import_tools.tally import Line
    from medusa.manifests.manifest import Manifest

OPTIONS: "list[click.Option]" = []
SCHEME = LabelScheme("meld", ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"))
COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")


def import_corpus(root: Path) -> "Manifest":
    """Read the three tables in `root`.

    Raises:
        ManifestError: a table is missing or is not in the published form, or an emotion is not one
            of the seven emotions.
    """
    import pandas as pd

    from medusa.manifests.labels.votes import one_hot
    from medusa.manifests.manifest import Manifest

    folder(root, "MELD")
    frame = pd.concat([_rows(root, split) for split in SPLITS], ignore_index=True)
    frame["path"], line = _recordings(root, frame["id"])
    soft = one_hot(frame["label"], SCHEME)
    provenance = {"split": {"by": "corpus"}, "import": rows_and_files(frame, line)}
    return Manifest(pd.concat([frame, soft], axis=1), SCHEME, provenance=provenance)


def _rows(root: Path, split: str) -> "pd.DataFrame":
    import pandas as pd

    path = root / f"{split}_sent_emo.csv"
    table = read_table(path, COLUMNS)
    names = f"{split}_dia" + table["Dialogue_ID"] + "_utt" + table["Utterance_ID"]
    refuse_repeated(names, lines_of(table), path)
    label = table["Emotion"].str.strip().str.lower()
    classes = SCHEME.classes
    bad = [
        BadRow(path, line, f"not an emotion of MELD: {word!r}{nearest(word, classes)}")
        for line, word in zip(lines_of(table), label, strict=True)
        if word not in classes
    ]
    refuse_bad_rows(bad)
    return pd.DataFrame(
        {
            "id": names,
            "speaker": or_null(table["Speaker"].str.strip()),
            "language": "en",
            "split": split,
            "text": table["Utterance"],
            "label": label,
        }
    )


def _recordings(root: Path, ids: "pd.Series[str]") -> "tuple[pd.Series[str], Line]":
    """Return the path of each utterance's recording, also of a missing one, and the count.

    The paths are null without any recording.
    """
    import pandas as pd

    files, line = recordings_below(root)
    by_name: dict[str, Path] = {}
    for path in files:
        folder_name = path.relative_to(root).parent.as_posix()
        split = next((name for name in SPLITS if name in folder_name), None)
        by_name[f"{split}_{path.stem}" if split else str(path)] = path
    found = by_id(by_name, ids, line)
    if not found:
        return pd.Series(None, index=ids.index, dtype="str"), line
    missing = str(root) + "/" + ids.str.replace("_", "_splits/", n=1) + ".wav"
    return ids.map(found).fillna(missing), line
