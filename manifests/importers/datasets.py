"""A Hugging Face `datasets` folder on disk (`save_to_disk`), read by the library.

ROOT is the folder of a dataset, or of several named splits, whose names become the split.
`--columns` names the columns, as for `csv`; class labels become their names. The files of an
`audio` column stay in their folders; recordings that are inside the dataset are written to
`--unpack FOLDER`. The importer needs the extra `medusa-ser[datasets]`.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.atomic import atomic
from medusa.errors import ManifestError
from medusa.manifests.import_tools.table_options import OPTIONS as TABLE_OPTIONS
from medusa.manifests.import_tools.tables import as_text, folder, optional

if TYPE_CHECKING:
    import pandas as pd

    from medusa.manifests.manifest import Manifest

OPTIONS = [
    click.Option(
        ["--unpack"],
        type=click.Path(file_okay=False, path_type=Path),
        help="The folder to which recordings that are inside the dataset are written.",
    ),
    *TABLE_OPTIONS,
]


def import_corpus(
    root: Path, unpack: Path | None = None, audio: Path | None = None, **options: Any
) -> "Manifest":
    """Read the dataset in `root`.

    Raises:
        ManifestError: there is no dataset, or it has recordings inside and `unpack` is None, or
            `from_table` raises it.
    """
    import pandas as pd

    from medusa.manifests.import_tools.table_corpus import from_table

    library = optional("datasets")
    try:
        loaded = library.load_from_disk(str(folder(root, "the dataset")))
    except FileNotFoundError as problem:
        raise ManifestError(f"{root}: not a folder written by save_to_disk: {problem}") from problem
    parts = loaded if isinstance(loaded, library.DatasetDict) else {None: loaded}
    frames = [_frame(library, part, split, root, unpack) for split, part in parts.items()]
    table = as_text(pd.concat(frames, ignore_index=True))
    return from_table(table, root, audio or root, **options)


def _frame(
    library: Any, part: Any, split: str | None, root: Path, unpack: Path | None
) -> "pd.DataFrame":
    """Return the table of one split, with the names of classes and the paths of recordings."""
    part.data.table.validate(full=True)  # Wrong offsets in a file would end the process.
    for name, feature in part.features.items():
        if isinstance(feature, library.Audio):
            part = part.cast_column(name, library.Audio(decode=False))
    frame: pd.DataFrame = part.to_pandas()
    for name, feature in part.features.items():
        if isinstance(feature, library.ClassLabel):
            names = dict(enumerate(feature.names))
            frame[name] = frame[name].map(names)  # The code -1, no label, becomes null.
        elif isinstance(feature, library.Audio):
            cells = zip(frame.index, frame.pop(name), strict=True)
            frame["path"] = [_path(cell, f"{split or 'row'}-{row}", root, unpack)
                             for row, cell in cells]  # fmt: skip
    if split is not None and "split" not in frame:
        frame["split"] = split
    return frame


def _path(cell: dict[str, Any] | None, name: str, root: Path, unpack: Path | None) -> str | None:
    """Return the path of a recording; a recording inside the dataset is written out first."""
    if not cell:
        return None
    if not cell.get("bytes"):
        return str(cell["path"])
    if unpack is None:
        raise ManifestError(f"{root}: recordings are inside the dataset; name a folder for them: "
                          "--unpack FOLDER")  # fmt: skip
    unpack.mkdir(parents=True, exist_ok=True)
    return str(_unpacked(cell["bytes"], unpack / Path(cell.get("path") or f"{name}.wav").name))


def _unpacked(data: bytes, path: Path) -> Path:
    """Return the file with these bytes: `path`, or a name with their digest if `path` is taken.

    The recordings of a dataset often have equal names, because their folders are lost.
    """
    named = path.with_stem(f"{path.stem}-{hashlib.sha256(data).hexdigest()[:16]}")
    for file in (path, named):
        if not file.exists():
            with atomic(file) as partial:
                partial.write_bytes(data)
        if file.read_bytes() == data:
            return file.resolve()
    raise ManifestError(f"{named}: holds other bytes; remove the file, or name another folder")
