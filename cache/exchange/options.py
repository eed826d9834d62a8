"""The options that `medusa cache export` and `import` share."""

import click

from medusa.options import text_option

FORMATS = ("hdf5", "npy", "safetensors", "arrow")
FORMAT = click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice(FORMATS),
    help="Of the file or folder outside.",
)
TEXT = text_option("Whose text ids stand for, where features are of text: see `medusa extract`.")
