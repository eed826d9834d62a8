"""Any corpus as one table: a csv in UTF-8 or a Parquet file with a row per utterance.

ROOT is the csv, or a file ending in `.parquet`. A column that has the manifest's own name (`id`,
`path`, `speaker`, `gender`, `language`, `split`, `text`, `label`, `start_s`, `duration_s`,
`arousal`, `valence`, `dominance`, `p_<class>`) is read without saying so; an option names another.
Only the id is needed, and where
there is none the path serves. Paths are relative to the csv's folder, or to `--audio`.

Labels come as a consensus (`--label`), as soft labels (`--soft angry=Angry,sad=Sad`), or both; each
is made from the other where it is missing. Class names are put into lower case. Splits named
train, dev, valid, test and the like become train, dev and test; other names stay.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from medusa.manifests.import_tools.table_options import OPTIONS
from medusa.manifests.import_tools.tables import parquet_table, read_table

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

__all__ = ["OPTIONS", "import_corpus"]


def import_corpus(
    root: Path,
    soft: str | None = None,
    counts: bool = False,
    classes: str | None = None,
    no_consensus: str | None = None,
    audio: Path | None = None,
    name: str | None = None,
    **columns: str | None,
) -> "Manifest":
    """Read the csv at `root`; `columns` maps the keys of `HELP` to the names of its columns.

    Raises:
        ManifestError: a named column is missing, cells are not numbers or ratings not from 1 to 7,
            there is neither id nor path, or no label.
        ManifestError: a label is not one of the classes given.
    """
    from medusa.manifests.import_tools.table_corpus import from_table

    table = parquet_table(root) if root.suffix == ".parquet" else read_table(root, [])
    given = {"soft": soft, "classes": classes, "no_consensus": no_consensus, "name": name}
    return from_table(table, root, audio or root.parent, counts=counts, **given, **columns)
