"""Making a store of .npy files of another program, each named by the id of an utterance."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medusa.cache.exchange.npy import file_name
from medusa.cache.exchange.output import SIDECAR, fresh
from medusa.cache.layout import checksum
from medusa.cache.spec import FeatureSpec
from medusa.cache.writer import StoreWriter
from medusa.console import progress
from medusa.errors import StoreError, WriteError, listed, plural
from medusa.foreign import foreign

Values = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Origin:
    """The facts about the features that the files do not contain.

    Attributes:
        backbone: a name for the features.
        input: `audio` or `text`, from which they were computed.
        frame_shift_s: seconds between frames, if they are known.
    """

    backbone: str
    input: str = "audio"
    frame_shift_s: float | None = None


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes:
        store: the path of the new store.
        utterances: the number of its utterances.
        left_out: the files that belong to no utterance.
    """

    store: Path
    utterances: int
    left_out: list[str]


def import_foreign(
    folder: Path,
    origin: Origin,
    contents: Mapping[str, str],
    features: Path,
    into: Path | None = None,
    force: bool = False,
) -> Imported:
    """Make a store of a folder of .npy files.

    float16 files are stored as float16, and all others as float32.

    Args:
        folder: files (frames, width), (1, frames, width) or (width,), also in folders below.
        origin: the other facts about the features.
        contents: id -> content; a file is named by the id, or by the content.
        features: the workspace's folder of stores.
        into: the store to make; by default the one that the spec names, in `features`.
        force: whether to replace the store if it exists.

    Raises:
        StoreError: the folder is an export, no file belongs to an utterance, some files have other
            shapes or widths (all are named), or the store exists.
    """
    if (folder / SIDECAR).exists():
        raise StoreError(f"{folder}: this is an export; `medusa cache import` makes a store of it")
    found = sorted(folder.rglob("*.npy"))
    mine = _match(found, contents)
    if not mine:
        raise StoreError(
            f"{folder}: none of its {len(found)} .npy files has the name of an id of the manifest "
            f"({listed(contents, 3)}, ...) or of a content; rename the files"
        )
    spec = _spec(origin, *_inspect(folder, mine))
    into = into or features / spec.folder
    with fresh(into, force) as new, StoreWriter(new, spec, {"imported": folder.name}) as writer:
        for content, values in _counted(mine):
            writer.append(content, values[None])
    left = sorted({*found} - {*mine.values()})
    return Imported(into, len(mine), [str(path.relative_to(folder)) for path in left])


def _match(found: list[Path], contents: Mapping[str, str]) -> dict[str, Path]:
    """Return content -> its file, for every file that is named by an id or a content."""
    names = {file_name(name): content for name, content in contents.items()}
    names |= {file_name(content): content for content in contents.values()}
    mine: dict[str, Path] = {}
    for path in found:
        if path.name in names:
            mine.setdefault(names[path.name], path)
    return mine


def _inspect(folder: Path, mine: Mapping[str, Path]) -> tuple[str, int, str]:
    """Read every file, and return a digest of all files, their width and the dtype to store.

    Raises:
        StoreError: some files are unreadable, or have another width than most files.
    """
    problems, digest = [], hashlib.sha256()
    widths: dict[Path, int] = {}
    dtypes = set()
    with progress(f"inspect {folder.name}", len(mine)) as advance:
        for content, path in sorted(mine.items()):
            try:
                with foreign(WriteError, str):
                    values = _read(path)
                    digest.update(f"{content} {values.dtype} {checksum(values):08x}\n".encode())
                widths[path] = values.shape[1]
                dtypes.add(str(values.dtype))
            except WriteError as problem:
                problems.append(f"{path}: {problem}")
            advance()
    width = Counter(widths.values()).most_common(1)[0][0] if widths else 0
    others = {path: found for path, found in widths.items() if found != width}
    problems += [f"{path}: the width is {n}; expected {width}" for path, n in others.items()]
    if problems:
        wrong = f"{plural(len(problems), 'file does')} not fit:"
        raise StoreError("\n  ".join([wrong, *problems[:20]]))
    return digest.hexdigest()[:16], width, "float16" if dtypes == {"float16"} else "float32"


def _read(path: Path) -> Values:
    """Return a file's frames, (T, D)."""
    values = np.load(path, allow_pickle=False)
    if not np.issubdtype(values.dtype, np.floating):
        raise WriteError(f"the values are {values.dtype}; expected floating point")
    if values.ndim == 3 and len(values) == 1:
        values = values[0]
    frames: Values = values[None] if values.ndim == 1 else values
    if frames.ndim != 2 or not len(frames):
        raise WriteError(f"the shape is {values.shape}; expected (frames, width)")
    return frames


def _counted(mine: Mapping[str, Path]) -> Iterator[tuple[str, Values]]:
    """Yield every content and its frames, and show the progress."""
    with progress("import", len(mine)) as advance:
        for content, path in mine.items():
            yield content, _read(path)
            advance()


def _spec(origin: Origin, digest: str, width: int, dtype: str) -> FeatureSpec:
    """Return the spec of features of another program, whose revision is the digest of all files."""
    return FeatureSpec(
        backbone=origin.backbone,
        family="foreign",
        checkpoint="local",
        revision=digest,
        input=origin.input,
        layers=(0,),
        reduce="none",
        dtype=dtype,
        width=width,
        frame_shift_s=origin.frame_shift_s,
        preprocessing={"imported_from": "npy"},
    )
