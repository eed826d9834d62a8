"""Making a store of somebody else's folder of .npy files, each named by an utterance's id."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medusa.cache.exchange.npy import UNREADABLE, file_name
from medusa.cache.exchange.output import fresh
from medusa.cache.layout import checksum
from medusa.cache.spec import FeatureSpec
from medusa.cache.writer import StoreWriter
from medusa.console import progress
from medusa.errors import StoreError, WriteError, listed, plural

Values = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Origin:
    """What the user says about files that say nothing about themselves.

    Attributes:
        backbone: a name for the features.
        width: D, which every file must have.
        input: `audio` or `text`: what the features were computed from.
        dtype: to store them in.
        frame_shift_s: seconds between frames, if known.
    """

    backbone: str
    width: int
    input: str = "audio"
    dtype: str = "float32"
    frame_shift_s: float | None = None


@dataclass(frozen=True)
class Imported:
    """What came in: the store, how many utterances, and the files that belong to none."""

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

    Args:
        folder: files (frames, width), (1, frames, width) or (width,), also in folders below.
        origin: what they are.
        contents: id -> content; a file is named by the id, or by the content.
        features: the workspace's folder of stores.
        into: the store to make; by default the one that the spec names, in `features`.
        force: replace it if it is there.

    Raises:
        StoreError: no file belongs to an utterance, or files are not such arrays: all are named.
        StoreError: the store is there already.
    """
    found = sorted(folder.rglob("*.npy"))
    mine = _match(found, contents)
    if not mine:
        raise StoreError(
            f"{folder}: none of its {len(found)} .npy files is named by an id of the manifest "
            f"({listed(contents, 3)}, ...) or a content"
        )
    digest = _look(folder, mine, origin.width)
    spec = _spec(origin, digest)
    into = into or features / spec.folder
    with fresh(into, force) as new, StoreWriter(new, spec, {"imported": folder.name}) as writer:
        for content, values in _counted(mine):
            writer.append(content, values[None])
    left = sorted({*found} - {*mine.values()})
    return Imported(into, len(mine), [str(path.relative_to(folder)) for path in left])


def _match(found: list[Path], contents: Mapping[str, str]) -> dict[str, Path]:
    """Return content -> file."""
    names = {file_name(name): content for name, content in contents.items()}
    names |= {file_name(content): content for content in contents.values()}
    mine: dict[str, Path] = {}
    for path in found:
        if path.name in names:
            mine.setdefault(names[path.name], path)
    return mine


def _look(folder: Path, mine: Mapping[str, Path], width: int) -> str:
    """Read every file once: return a digest of all, or raise with all that is wrong."""
    problems, digest = [], hashlib.sha256()
    with progress(f"look at {folder.name}", len(mine)) as advance:
        for content, path in sorted(mine.items()):
            try:
                values = _read(path)
                if values.shape[1] != width:
                    raise WriteError(f"width {values.shape[1]}; expected {width}")
                digest.update(f"{content} {values.dtype} {checksum(values):08x}\n".encode())
            except (*UNREADABLE, WriteError) as problem:
                problems.append(f"{path}: {problem}")
            advance()
    if problems:
        wrong = f"{plural(len(problems), 'file does')} not fit:"
        raise StoreError("\n  ".join([wrong, *problems[:20]]))
    return digest.hexdigest()[:16]


def _read(path: Path) -> Values:
    """Return a file's frames, (T, D)."""
    values = np.load(path, allow_pickle=False)
    if not np.issubdtype(values.dtype, np.floating):
        raise WriteError(f"{values.dtype} values; expected floating point")
    if values.ndim == 3 and len(values) == 1:
        values = values[0]
    frames: Values = values[None] if values.ndim == 1 else values
    if frames.ndim != 2 or not len(frames):
        raise WriteError(f"shape {values.shape}; expected (frames, width)")
    return frames


def _counted(mine: Mapping[str, Path]) -> Iterator[tuple[str, Values]]:
    with progress("import", len(mine)) as advance:
        for content, path in mine.items():
            yield content, _read(path)
            advance()


def _spec(origin: Origin, digest: str) -> FeatureSpec:
    """Name features that we did not compute: by the numbers themselves."""
    return FeatureSpec(
        backbone=origin.backbone,
        family="foreign",
        checkpoint="local",
        revision=digest,
        input=origin.input,
        layers=(0,),
        reduce="none",
        dtype=origin.dtype,
        width=origin.width,
        frame_shift_s=origin.frame_shift_s,
        preprocessing={"imported_from": "npy"},
    )
