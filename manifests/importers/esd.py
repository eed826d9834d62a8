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

import codecs
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.errors import ManifestError, listed, plural
from medusa.manifests.import_tools.acted_corpus import acted_corpus
from medusa.manifests.import_tools.files import folders_below
from medusa.manifests.import_tools.tables import folder
from medusa.manifests.import_tools.tally import Line
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
TABLE = re.compile(r"00[012]\d\.txt", re.IGNORECASE)
ROW = re.compile(r"(00[012]\d_\d{6})\s+(\S.*)")
LAST = re.compile(
    rf"(.*\S)\s+(?:{'|'.join(EMOTIONS)}|中立|生气|愤怒|快乐|高兴|伤心|悲伤|惊喜|惊讶)", re.I
)
CHINESE = re.compile("[\u3400-\u9fff]")
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
    texts, line = _texts(root)

    def row(file: Path, name: re.Match[str]) -> dict[str, str | None] | None:
        columns = _row(file, name) | {"text": texts.get(name["id"])}
        return columns if language in ("both", columns["language"]) else None

    example = "0011/Angry/train/0011_000351.wav"
    manifest = acted_corpus(root, "ESD", NAME, example, row, SCHEME, f"--language {language}")
    without = int(manifest.frame["text"].isna().sum())
    line.note = f"{plural(without, 'utterance has')} no text" if without else ""
    manifest.provenance["import"].append(line.to_dict())
    return manifest


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


def _texts(root: Path) -> tuple[dict[str, str], Line]:
    """Return the text of each utterance, from the files `<speaker>.txt`, and their count."""
    folders = folders_below(folder(root, "ESD"))
    paths = sorted(where / name for where, names in folders for name in names if TABLE.match(name))
    found = {path: _rows(_decoded(path)) for path in paths}
    line = Line("tables of texts", len(found))
    empty = [path.name for path, rows in found.items() if not rows]
    line.drop(f"without a row like 0011_000351 TEXT ({listed(empty)})", len(empty))
    return {name: text for rows in found.values() for name, text in rows.items()}, line


def _rows(table: str) -> dict[str, str]:
    """Return the texts by id; tabs or spaces separate the id, the text and the emotion."""
    matches = [ROW.fullmatch(line.strip()) for line in table.splitlines()]
    rows = {match[1]: match[2] for match in matches if match}
    if any("\t" in text for text in rows.values()):
        return {name: text.partition("\t")[0].strip() for name, text in rows.items()}
    cut = {name: LAST.fullmatch(text) for name, text in rows.items()}
    return {name: last[1] for name, last in cut.items() if last} if all(cut.values()) else rows


def _decoded(path: Path) -> str:
    """Return the text of a speaker's table; the tables have several encodings.

    A table of an English speaker is in a Chinese encoding only if that gives no Chinese sign.
    """
    data = path.read_bytes()
    encodings = [_utf_16(data)] if b"\0" in data else ["utf-8-sig", "gb18030", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "gb18030" or path.stem <= "0010" or not CHINESE.search(text):
            return text
    raise ManifestError(f"{path}: the text is not in {' or '.join(encodings)}; save it as UTF-8")


def _utf_16(data: bytes) -> str:
    """Return the encoding of text that begins with a byte-order mark or with a digit."""
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    return "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
