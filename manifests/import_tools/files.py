"""The files of a corpus are found below its folder, through links and with endings in any case."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from medusa.errors import plural
from medusa.manifests.import_tools.tally import Line
from medusa.workspace import require_utf_8

ENDINGS = (".wav", ".flac")
NAMES = (
    ".wav .flac .mp3 .ogg .opus .aif .aiff .aifc .au .w64 .rf64 .sph .caf .avi "
    ".m4a .m4b .aac .mp4 .wma .amr .webm .mkv .mov .3gp"
)
SOUNDS = frozenset(NAMES.split())
HIDDEN = "._"  # macOS writes such a file beside each file on a foreign disk.


def folders_below(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield `root` and every folder below it with the names of its files, sorted.

    Links to folders elsewhere are entered, each folder once. A link to a folder that is above
    or below `root` is left out: its files are found without the link, or are not of the corpus.

    Raises:
        OSError: a folder cannot be read.
    """

    def refuse(problem: OSError) -> None:
        raise problem

    top = os.path.realpath(root)
    entered = {top}
    for where, names, files in os.walk(root, onerror=refuse, followlinks=True):
        links = {name: os.path.realpath(f"{where}/{name}") for name in sorted(names)}
        names.clear()
        for name, target in links.items():
            related = os.path.commonpath((target, top)) in (target, top)
            if target not in entered and not (related and os.path.islink(f"{where}/{name}")):
                entered.add(target)
                names.append(name)
        yield Path(where), sorted(files)


def recordings_below(root: Path, endings: Sequence[str] = ENDINGS) -> tuple[list[Path], Line]:
    """Return the recordings below `root`, sorted, and the count of all files of sound or video.

    Args:
        root: a folder; if it is absent, there are no recordings.
        endings: the endings of recordings, in lower case.
    """
    folders = folders_below(root) if root.is_dir() else ()
    files = [where / name for where, names in folders for name in names]
    sounds = [file for file in files if file.suffix.lower() in SOUNDS]
    line = Line("recordings", len(sounds))
    line.drop(f"hidden ({HIDDEN}*)", sum(file.name.startswith(HIDDEN) for file in sounds))
    sounds = [file for file in sounds if not file.name.startswith(HIDDEN)]
    others = Counter(file.suffix for file in sounds if file.suffix.lower() not in endings)
    for ending, count in sorted(others.items()):
        line.drop(f"with the ending {ending}", count)
    recordings = sorted(file for file in sounds if file.suffix.lower() in endings)
    require_utf_8(*recordings)
    return recordings, line


def with_real_ending(path: str) -> str:
    """Return the path, or that of the file whose ending has other letters, such as `.WAV`."""
    stem, ending = os.path.splitext(path)
    written = (path, f"{stem}{ending.upper()}", f"{stem}{ending.title()}")
    return next((one for one in written if os.path.exists(one)), path)


def by_id(files: Mapping[str, Path], ids: Iterable[str], line: Line) -> dict[str, str]:
    """Return the files of the utterances by id, and count the files of no utterance.

    Args:
        files: the files by the id that their names give.
        ids: the ids of all utterances.
        line: the count of the files; copies of one name are counted, too.
    """
    known = set(ids)
    found = {name: str(file) for name, file in files.items() if name in known}
    line.drop("copies of another file", line.kept - len(files))
    line.drop("of no utterance in the manifest", len(files) - len(found))
    absent = len(known) - len(found)
    line.note = f"{plural(absent, 'utterance has')} none" if absent else ""
    return found
