"""`medusa cache export`: write a store in another format, bit for bit."""

from pathlib import Path

import click

from medusa.cache.exchange import FORMATS
from medusa.cache.options import FORCE, PATH
from medusa.options import text_option


@click.command("export", short_help="Write a store in another format, bit for bit.")
@click.argument("name", metavar="STORE")
@click.argument("out", type=PATH)
@click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice(FORMATS),
    help="The format to write.",
)
@click.option(
    "--by",
    type=click.Choice(["content", "id"]),
    default="content",
    show_default=True,
    help="How npy files are named. `id` writes only utterances of the manifest, under their ids.",
)
@text_option("With `--by id`, the source of the texts of text features; see `medusa extract`.")
@FORCE
@click.pass_obj
def export(
    workspace: Path, name: str, out: Path, form: str, by: str, text: str | None, force: bool
) -> None:
    """Write STORE to OUT in another format, bit for bit. `import` makes the same store again.

    hdf5 and arrow are one file, npy and safetensors a folder. npy stores int8 features as float32.
    """
    from medusa.cache.exchange.convert import export as write
    from medusa.cache.info import find
    from medusa.cache.used import ids_of_store
    from medusa.console import say
    from medusa.errors import StoreError, plural
    from medusa.workspace import Workspace

    if by == "id" and form != "npy":
        raise StoreError(f"--by id needs --format npy; {form} names utterances by their content")
    opened = Workspace.open(workspace)
    path = find(opened.features, name)
    names = ids_of_store(opened, path, text) if by == "id" else None
    header = write(path, out, form, force, names)
    say(f"{out}: {plural(header.utterances, 'utterance')}, {plural(header.frames, 'frame')}")
