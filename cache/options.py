"""Options that several of the `medusa cache` commands share."""

from pathlib import Path

import click

from medusa.options import force_option

PATH = click.Path(path_type=Path)
FORCE = force_option("Replace what is there; otherwise that is an error.")
INTO = click.option(
    "--into",
    type=PATH,
    help="The store to make (default: in the workspace's features, named by the spec).",
)
