"""TESS, the Toronto Emotional Speech Set: acted English, 2,800 recordings of two women.

Two hundred words were spoken in the phrase "Say the word ...", with seven emotions. A file is
`OAF_back_angry.wav`: the older actress (OAF; YAF is the younger), the word, and the emotion. `ps`
is pleasant surprise, and one published file is named `OA` in place of OAF. ROOT is the folder with
the wav files, or a folder above it.

The corpus has no split of its own; with two speakers of one gender, splits by speaker are coarse.
Each recording has one label, the emotion that was acted.

Source: Pichora-Fuller and Dupuis, 2020, https://doi.org/10.5683/SP2/E8H2MF. Licence: CC BY-NC-ND
4.0.
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
NAME = re.compile(
    r"(?P<speaker>OAF?|YAF)_(?P<word>[A-Za-z-]+)"
    r"_(?P<emotion>angry|disgust|fear|happy|ps|sad|neutral)$",
    re.IGNORECASE,
)
EMOTIONS = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "ps": "surprise",
    "sad": "sad",
    "neutral": "neutral",
}
SCHEME = LabelScheme("tess", tuple(EMOTIONS.values()))


def import_corpus(root: Path) -> "Manifest":
    """Read the file names below `root`.

    Raises:
        ManifestError: there is no wav file, or the name of a file is not as in TESS.
    """
    return acted_corpus(root, "TESS", NAME, "OAF_back_angry.wav", _row, SCHEME)


def _row(file: Path, name: re.Match[str]) -> dict[str, str]:
    return {
        "id": file.stem,
        "path": str(file),
        "speaker": "YAF" if name["speaker"].upper() == "YAF" else "OAF",
        "gender": "female",
        "language": "en",
        "text": f"Say the word {name['word'].lower()}.",
        "label": EMOTIONS[name["emotion"].lower()],
    }
