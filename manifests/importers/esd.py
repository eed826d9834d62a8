"""ESD, the Emotional Speech Database: acted English and Mandarin, 35,000 utterances, 20 speakers.

Each speaker has 350 parallel utterances for each of five emotions. Speakers 0001 to 0010 speak
Mandarin, and speakers 0011 to 0020 English (`--language en` reads these alone). A file is
`0011/Angry/train/0011_000351.wav`; some copies lack the folder of the split. `0011/0011.txt` has a
line per utterance with its name, text and emotion. ROOT is the folder with the speakers' folders,
or a folder above it.

If there are folders `train`, `evaluation` and `test`, they are the split (`evaluation` is dev). All
speakers are in all three splits. Each utterance has one label, the emotion that was acted.

Source: Zhou et al., Speech Communication, 2022; free for research,
https://github.com/HLTSingapore/Emotional-Speech-Data
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.errors import ManifestError
from medusa.manifests.import_tools.acted_corpus import acted_corpus
from medusa.manifests.label_scheme import LabelScheme

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

EMOTIONS = ("angry", "happy", "neutral", "sad", "surprise")
SCHEME = LabelScheme("esd", EMOTIONS)
NAME = re.compile(
    rf"(?P<emotion>{'|'.join(EMOTIONS)})/(?:(?P<split>train|evaluation|test)/)?"
    r"(?P<id>(?P<speaker>00[012]\d)_\d{6})$",
    re.IGNORECASE,
)
SPLITS = {"train": "train", "evaluation": "dev", "test": "test"}
MEN = ("0004", "0005", "0006", "0008", "0010", "0011", "0012", "0013", "0014", "0020")
ENCODINGS = ("utf-8-sig", "utf-16", "gb18030")  # The speakers' tables have different encodings.
OPTIONS = [
    click.Option(
        ["--language"],
        type=click.Choice(["en", "zh", "both"]),
        default="both",
        show_default=True,
        help="Read the speakers of this language.",
    )
]


def import_corpus(root: Path, language: str = "both") -> "Manifest":
    """Read the paths below `root`, and the speakers' tables of texts.

    Raises:
        ManifestError: there is no wav file, or no wav file in this language, or the name of a file
            is not as in ESD.
    """
    texts = _texts(root)

    def row(file: Path, name: re.Match[str]) -> dict[str, str | None] | None:
        columns = _row(file, name) | {"text": texts.get(name["id"])}
        return columns if language in ("both", columns["language"]) else None

    example = "0011/Angry/train/0011_000351.wav"
    nothing = f"no utterance with --language {language}"
    return acted_corpus(root, "ESD", NAME, example, row, SCHEME, nothing)


def _row(file: Path, name: re.Match[str]) -> dict[str, str | None]:
    speaker = name["speaker"]
    return {
        "id": name["id"],
        "path": str(file),
        "speaker": speaker,
        "gender": "male" if speaker in MEN else "female",
        "language": "zh" if speaker <= "0010" else "en",
        "split": SPLITS[name["split"].lower()] if name["split"] else None,
        "label": name["emotion"].lower(),
    }


def _texts(root: Path) -> dict[str, str]:
    """Return the text of each utterance, from the files `<speaker>.txt` below `root`."""
    texts: dict[str, str] = {}
    for path in sorted(root.rglob("00[012][0-9].txt")):
        for line in _decoded(path).splitlines():
            parts = [part.strip() for part in line.split("\t")]
            if len(parts) >= 2:
                texts[parts[0]] = parts[1]
    return texts


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ManifestError(f"{path}: the text is in none of {', '.join(ENCODINGS)}; save it as UTF-8")
