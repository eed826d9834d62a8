"""EmoDB, the Berlin Database of Emotional Speech: acted German, 535 utterances, 10 speakers.

Five actresses and five actors spoke ten everyday sentences with seven emotions. At least 80 % of
the listeners recognised the emotion of each utterance. A file name has all facts: `03a01Fa.wav` is
speaker 03, sentence a01, emotion F (happiness), version a. ROOT is the folder with the wav files,
or a folder above it.

The corpus has no split of its own. Protocols keep its ten speakers apart
(`medusa manifest split random`), or leave one speaker out. It has one label per utterance,
the emotion that was acted, and no published votes.

Source: Burkhardt et al., A Database of German Emotional Speech, Interspeech 2005; free to download.
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
    r"(?<![^/])(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[AEFLNTW])(?P<version>[a-z]?)$"
)
EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
SCHEME = LabelScheme("emodb", tuple(EMOTIONS.values()))
MALE = ("03", "10", "11", "12", "15")
FEMALE = ("08", "09", "13", "14", "16")
GENDERS = dict.fromkeys(MALE, "male") | dict.fromkeys(FEMALE, "female")
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


def import_corpus(root: Path) -> "Manifest":
    """Read the file names below `root`.

    Raises:
        ManifestError: there is no wav file, or the name of a file is not as in EmoDB.
    """
    return acted_corpus(root, "EmoDB", NAME, "03a01Fa.wav", _row, SCHEME, endings=(".wav",))


def _row(file: Path, name: re.Match[str]) -> dict[str, str | None]:
    return {
        "id": file.stem,
        "path": str(file),
        "speaker": name["speaker"],
        "gender": GENDERS.get(name["speaker"]),
        "language": "de",
        "text": SENTENCES.get(name["sentence"]),
        "label": EMOTIONS[name["emotion"]],
    }
