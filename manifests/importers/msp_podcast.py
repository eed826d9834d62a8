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

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

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


def import_corpus(
    root: Path,
    soft: str = "primary",
    other: str = "drop",
    no_consensus: str = "keep",
    all_other: str = "drop",
    bad_rows: str = "refuse",
) -> "Manifest":
    """Read the release in `root`.

    Raises:
        ManifestError: no label file, two of one kind that differ, columns missing, or rows that
            cannot be read.
    """
    from medusa.manifests.import_tools.msp_release import read_release

    return read_release(root, soft, other, no_consensus, all_other, bad_rows)
