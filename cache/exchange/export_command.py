"""`medusa cache export`: write a store in another format, bit for bit."""

from pathlib import Path

import click

from medusa.cache.exchange.options import FORMAT, TEXT
from medusa.cache.options import FORCE, PATH


@click.command("export", short_help="Write a store in another format, bit for bit.")
@click.argument("name", metavar="STORE")
@click.argument("out", type=PATH)
@FORMAT
@click.option(
    "--by",
    type=click.Choice(["content", "id"]),
    default="content",
    show_default=True,
    help="How npy files are named. `id` writes only utterances of the manifest, under their ids.",
)
@TEXT
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
    from medusa.cache.store import FeatureStore
    from medusa.cache.used import by_id
    from medusa.console import say
    from medusa.errors import StoreError, plural
    from medusa.workspace import Workspace

    opened = Workspace.open(workspace)
    path = find(opened.features, name)
    names: dict[str, list[str]] | None = None
    if by == "id":
        if form != "npy":
            raise StoreError(
                f"--by id needs --format npy; {form} names utterances by their content"
            )
        store, names = FeatureStore.open(path), {}
        for utterance, content in by_id(opened, store.spec.input, text).items():
            if content in store:
                names.setdefault(content, []).append(utterance)
        if not names:
            raise StoreError(f"{path}: the store has no utterance of {opened.manifest}")
        if len(names) < len(store):
            out_of_it = plural(len(store) - len(names), "utterance is")
            say(f"{out_of_it} not in {opened.manifest} and left out")
    header = write(path, out, form, force, names)
    say(f"{out}: {plural(header.utterances, 'utterance')}, {plural(header.frames, 'frame')}")
