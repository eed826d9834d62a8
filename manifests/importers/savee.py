"""SAVEE: acted British English, 480 utterances of four men, seven emotions.

A file is `DC/a01.wav` (in some copies `DC_a01.wav`): speaker DC, anger, its first sentence. The
letters are a (anger), d (disgust), f (fear), h (happiness), n (neutral), sa (sadness) and su
(surprise). There are 15 sentences per emotion, and 30 for neutral. ROOT is the folder with the
speakers' folders, or a folder above it.

The corpus has no split of its own; protocols leave one of the four speakers out. Each utterance has
one label, the emotion that was acted. Only the corpus's own documentation has the texts.

Source: Haq and Jackson, Machine Audition, 2010; free for research on registration,
http://kahlan.eps.surrey.ac.uk/savee/
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from medusa.manifests.import_tools.acted_corpus import acted_corpus
from medusa.manifests.label_scheme import LabelScheme

if TYPE_CHECKING:
    import click

    from medusa.manifests.manifest import Manifest

OPTIONS: "list[click.Option]" = []
NAME = re.compile(r"(?P<speaker>DC|JE|JK|KL)[/_](?P<emotion>a|d|f|h|n|sa|su)(?P<number>\d\d)$")
EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
SCHEME = LabelScheme("savee", tuple(EMOTIONS.values()))


def import_corpus(root: Path) -> "Manifest":
    """Read the file names below `root`.

    Raises:
        ManifestError: there is no wav file, or the name of a file is not as in SAVEE.
    """
    return acted_corpus(root, "SAVEE", NAME, "DC/a01.wav", _row, SCHEME)


def _row(file: Path, name: re.Match[str]) -> dict[str, str]:
    return {
        "id": f"{name['speaker']}_{name['emotion']}{name['number']}",
        "path": str(file),
        "speaker": name["speaker"],
        "gender": "male",
        "language": "en",
        "label": EMOTIONS[name["emotion"]],
    }
