"""The importers that read one table share these options, which describe its columns and labels."""

from pathlib import Path

import click

from medusa.errors import ManifestError, nearest
from medusa.manifests.label_scheme import ATTRIBUTES
from medusa.manifests.pairs import pairs

TEXTS = ("speaker", "gender", "language", "split", "text", "label")
NUMBERS = ("start_s", "duration_s", *ATTRIBUTES)
COLUMNS = ("id", "path", *TEXTS, *NUMBERS)
OPTIONS = [
    click.Option(
        ["--columns"],
        metavar="NAME=COLUMN,...",
        help="The columns of the table whose names are not the manifest's, such as "
        f"id=Clip,label=Emotion. The manifest's names are {', '.join(COLUMNS)}.",
    ),
    click.Option(
        ["--soft"],
        metavar="CLASS=COLUMN,...",
        help="The columns with the soft labels; they also give the classes and their order.",
    ),
    click.Option(
        ["--counts"],
        is_flag=True,
        help="The soft label columns count votes, so divide each row by its sum.",
    ),
    click.Option(
        ["--classes"],
        metavar="CLASS,...",
        help="The classes and their order (default: the labels of the table, sorted).",
    ),
    click.Option(
        ["--no-consensus"],
        metavar="LABEL,...",
        help="The labels that mean no consensus, such as x,other.",
    ),
    click.Option(
        ["--audio"],
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="The folder that paths are relative to (default: the folder of the table).",
    ),
    click.Option(["--name"], help="The name of the label scheme (default: the table's name)."),
]


def named_columns(text: str | None) -> dict[str, str]:
    """Return the table's columns by the manifest's names, from `--columns`.

    Raises:
        ManifestError: the text is not a list of pairs, or a name is not in `COLUMNS`.
    """
    named = pairs(text or "", "--columns NAME=COLUMN,NAME=COLUMN")
    unknown = [f"{name!r}{nearest(name, COLUMNS)}" for name in named if name not in COLUMNS]
    if unknown:
        raise ManifestError(
            f"--columns: the manifest has no column {', '.join(unknown)}; its columns are "
            f"{', '.join(COLUMNS)}"
        )
    return named
