"""Any corpus as one table: a csv in UTF-8 or a Parquet file with a row per utterance.

ROOT is the csv, or a file with the suffix `.parquet`. A column is read if it has one of the
manifest's names: `id`, `path`, `speaker`, `gender`, `language`, `split`, `text`, `label`,
`start_s`, `duration_s`, `arousal`, `valence`, `dominance` and `p_<class>`. `--columns` gives the
names of other columns: `--columns id=Clip,label=Emotion`. Only the id is needed; without a column
for it, the name of the file without its suffix is the id, or the path if a name repeats. Paths are
relative to the folder of the csv, or to `--audio`. The import lists the columns that it does not
read.

The table has labels (`--columns label=COLUMN`), or soft labels (`--soft angry=Angry,sad=Sad`), or
both; each is made from the other if it is missing. A corpus without labels can be imported, too;
it can be transcribed, extracted and predicted. The names of classes become lower case. The
splits train, dev, valid, test and similar names become train, dev and test; other names are kept.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from medusa.manifests.import_tools.table_options import OPTIONS
from medusa.manifests.import_tools.tables import parquet_table, read_table

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

__all__ = ["OPTIONS", "import_corpus"]


def import_corpus(root: Path, audio: Path | None = None, **options: Any) -> "Manifest":
    """Read the csv or the Parquet file at `root`; `from_table` describes the options.

    Raises:
        ManifestError: the file cannot be read, or `from_table` raises it.
    """
    from medusa.manifests.import_tools.table_corpus import from_table

    table = parquet_table(root) if root.suffix.lower() == ".parquet" else read_table(root, [])
    return from_table(table, root, audio or root.parent, **options)
