"""MSP-Podcast: natural English from podcasts, rated by crowds; every release and spelling.

The classes are angry, sad, happy, surprise, fear, disgust, contempt and neutral, in this order;
arousal, valence and dominance are from 1 to 7. The release of the 2025 challenge has 84,260
training and 31,961 development utterances (about 324 hours) with at least five raters each, and
3,200 test utterances without labels (Test3). Neutral is some 26 times as frequent as fear.

ROOT is the release's folder. The label files are found below it and distinguished by their content:
`labels_consensus.csv` or `.json` (also spelled `labels_concensus`), `labels_detailed.csv` in both
layouts or `.json`, and the older `labels.txt`. The folders of recordings and transcripts are found
below it, too. Columns are matched by name. Votes are kept in lower case, so other classes need no
new import (`medusa manifest relabel`).

The label is the published consensus; X (no agreement) and O (other) give no label. The soft label
is the share of the votes for each class. `Train` and `Development` become train and dev; Test1,
Test2 and Test3 keep their names. If a speaker or a gender is "Unknown", the cell is empty.

Rows that cannot be read are listed with file and line: broken quotes, bytes that are not UTF-8,
attributes outside 1..7, and names with a path in them. `--bad-rows drop` leaves such rows out and
counts them.

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
        help="The soft label counts the first choices, or every class that a rater named.",
    ),
    click.Option(
        ["--other"],
        type=click.Choice(["drop", "ninth-class"]),
        default="drop",
        show_default=True,
        help="Votes for another emotion are not counted, or they are the ninth class, `other`.",
    ),
    click.Option(
        ["--no-consensus"],
        type=click.Choice(["keep", "drop"]),
        default="keep",
        show_default=True,
        help="Keep or leave out utterances without a consensus (X, and O unless it is a class).",
    ),
    click.Option(
        ["--all-other"],
        type=click.Choice(["drop", "uniform"]),
        default="drop",
        show_default=True,
        help="An utterance with only such votes is left out, or gets equal shares of all classes.",
    ),
    click.Option(
        ["--bad-rows"],
        type=click.Choice(["refuse", "drop"]),
        default="refuse",
        show_default=True,
        help="If rows cannot be read, refuse the import and list them, or leave them out.",
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
        ManifestError: there is no label file, or two files of one kind differ, or columns are
            missing, or rows cannot be read.
    """
    from medusa.manifests.import_tools.msp_release import read_release

    return read_release(root, soft, other, no_consensus, all_other, bad_rows)
