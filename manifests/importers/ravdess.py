"""RAVDESS: acted North American English, 1,440 spoken clips of 24 actors, speech and song.

The corpus has eight emotions, two sentences and two intensities. A file name has all facts in seven
numbers: `03-01-06-01-02-01-12.wav` is audio only, speech, fearful, normal intensity, the second
sentence, the first repetition, actor 12. Odd actors are men and even actors are women. ROOT is the
folder with the wav files, or the folder above `Actor_01/` and so on. `--channel song` reads the
1,012 sung clips.

The corpus has no split of its own; protocols leave actors out. Each clip has one label, the emotion
that was acted.

Source: Livingstone and Russo, PLoS ONE, 2018. Licence: CC BY-NC-SA 4.0,
https://zenodo.org/records/1188976
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.manifests.import_tools.acted_corpus import acted_corpus
from medusa.manifests.label_scheme import LabelScheme

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

NAME = re.compile(
    r"(?P<modality>0[13])-(?P<channel>0[12])-(?P<emotion>0[1-8])-0[12]-(?P<sentence>0[12])-0[12]"
    r"-(?P<actor>\d\d)$"
)
EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
SCHEME = LabelScheme("ravdess", tuple(EMOTIONS.values()))
SENTENCES = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
CHANNELS = {"speech": ("01",), "song": ("02",), "both": ("01", "02")}
OPTIONS = [
    click.Option(
        ["--channel"],
        type=click.Choice(list(CHANNELS)),
        default="speech",
        show_default=True,
        help="Read the spoken clips, the sung clips, or both.",
    )
]


def import_corpus(root: Path, channel: str = "speech") -> "Manifest":
    """Read the file names below `root`.

    Raises:
        ManifestError: there is no wav file, or no wav file of this channel, or the name of a file
            is not as in RAVDESS.
    """

    def row(file: Path, name: re.Match[str]) -> dict[str, str] | None:
        return _row(file, name) if name["channel"] in CHANNELS[channel] else None

    example = "03-01-06-01-02-01-12.wav"
    return acted_corpus(root, "RAVDESS", NAME, example, row, SCHEME, f"--channel {channel}")


def _row(file: Path, name: re.Match[str]) -> dict[str, str]:
    return {
        "id": file.stem,
        "path": str(file),
        "speaker": name["actor"],
        "gender": "male" if int(name["actor"]) % 2 else "female",
        "language": "en",
        "text": SENTENCES[name["sentence"]],
        "label": EMOTIONS[name["emotion"]],
    }
