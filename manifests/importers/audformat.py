"""An audformat database (audEERING): a folder with db.yaml and its tables, read by the library.

ROOT is the folder with `db.yaml`. `--table` names the table with the labels (default: the only
table that has the label's column). `--columns` names its columns, as for `csv`, such as
`--columns label=emotion`. Segments keep their start and length. The importer needs the extra
`medusa-ser[audformat]`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.errors import ManifestError, listed
from medusa.manifests.import_tools.table_options import OPTIONS as TABLE_OPTIONS
from medusa.manifests.import_tools.table_options import named_columns
from medusa.manifests.import_tools.tables import as_text, folder, optional

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

OPTIONS = [
    click.Option(["--table"], metavar="TABLE", help="The table with the labels."),
    *TABLE_OPTIONS,
]


def import_corpus(
    root: Path,
    table: str | None = None,
    columns: str | None = None,
    audio: Path | None = None,
    **options: Any,
) -> "Manifest":
    """Read the database in `root`.

    Raises:
        ManifestError: there is no database or no such table, or `from_table` raises it.
    """
    import pandas as pd

    from medusa.manifests.import_tools.table_corpus import from_table

    audformat = optional("audformat")
    if not (folder(root, "the database") / "db.yaml").is_file():
        raise ManifestError(
            f"{root}: no db.yaml here; expected the folder of an audformat database"
        )
    database = audformat.Database.load(str(root))
    named = named_columns(columns)
    chosen = _table(database, table, named.get("label", "label"), root)
    frame = database[chosen].df.reset_index()
    rows = as_text(frame.drop(columns=[name for name in ("start", "end") if name in frame]))
    if "start" in frame:
        seconds = {
            name: pd.to_timedelta(frame[name]).dt.total_seconds() for name in ("start", "end")
        }
        length = seconds["end"] - seconds["start"]
        rows["start_s"] = as_text(pd.DataFrame({"s": seconds["start"]}))["s"]
        rows["duration_s"] = as_text(pd.DataFrame({"s": length}))["s"]
    rows = rows.rename(columns={"file": "path"})
    if "id" not in rows and "id" not in named:
        rows["id"] = rows["path"] + ("#" + rows["start_s"] if "start_s" in rows else "")
    return from_table(rows, root / "db.yaml", audio or root, columns, **options)


def _table(database: Any, table: str | None, label: str, root: Path) -> str:
    """Return the name of the table with the labels."""
    tables = [str(name) for name in database.tables]
    fits = [name for name in tables if label in database[name].columns]
    if table is None and len(fits) == 1:
        return fits[0]
    if table is None or table not in tables:
        which = f"no table {table!r}" if table else f"{len(fits)} tables have a column {label!r}"
        raise ManifestError(f"{root}: {which}; choose one with --table: {listed(tables, 20)}")
    return table
