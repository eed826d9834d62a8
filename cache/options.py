"""Options that several of the `medusa cache` commands share."""

from pathlib import Path

import click

from medusa.options import force_option

PATH = click.Path(path_type=Path)
FORCE = force_option("Replace the output if it exists; otherwise an existing output is an error.")
INTO = click.option(
    "--into",
    type=PATH,
    help="The folder of the new store (default: one in `features/`, named by the spec).",
)
