"""`medusa cache export|import`: stores in other formats, and back."""

from pathlib import Path

import click

from medusa.cache.options import FORCE, INTO, PATH
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


@click.command("export", short_help="Write a store in another format, bit for bit.")
@click.argument("name", metavar="STORE")
@click.argument("out", type=PATH)
@FORMAT
@click.option(
    "--by",
    type=click.Choice(["content", "id"]),
    default="content",
    show_default=True,
    help="What names the files of npy; id: the workspace's manifest, only its utterances.",
)
@TEXT
@FORCE
@click.pass_obj
def export(
    workspace: Path, name: str, out: Path, form: str, by: str, text: str | None, force: bool
) -> None:
    """Write STORE to OUT in another format, bit for bit; `import` makes the same store of it.

    hdf5 and arrow are one file, npy and safetensors a folder. npy has int8 features as float32.
    """
    from medusa.cache.exchange.convert import ExchangeError
    from medusa.cache.exchange.convert import export as write
    from medusa.cache.info import find
    from medusa.cache.store import FeatureStore
    from medusa.cache.used import by_id
    from medusa.console import say
    from medusa.errors import plural
    from medusa.workspace import Workspace

    opened = Workspace.open(workspace)
    path = find(opened.features, name)
    names: dict[str, list[str]] | None = None
    if by == "id":
        if form != "npy":
            raise ExchangeError(f"--by id names the files of npy; {form} has contents alone")
        store, names = FeatureStore.open(path), {}
        for utterance, content in by_id(opened, store.spec.input, text).items():
            if content in store:
                names.setdefault(content, []).append(utterance)
        if not names:
            raise ExchangeError(f"{path}: has no utterance of {opened.manifest}")
        if len(names) < len(store):
            out_of_it = plural(len(store) - len(names), "utterance is")
            say(f"{out_of_it} not in {opened.manifest}: left out")
    header = write(path, out, form, force, names)
    say(f"{out}: {plural(header.utterances, 'utterance')}, {plural(header.frames, 'frame')}")


@click.command("import", short_help="Make a store of what `export` wrote.")
@click.argument("source", metavar="IN", type=PATH)
@FORMAT
@INTO
@click.option("--backbone", help="A name for features that are no export of ours (npy).")
@click.option("--width", type=click.IntRange(min=1), help="Numbers per frame of such features.")
@click.option(
    "--input",
    "kind",
    type=click.Choice(["audio", "text"]),
    default="audio",
    show_default=True,
    help="What such features were computed from.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float16", "float32", "int8"]),
    default="float32",
    show_default=True,
    help="How to store such features.",
)
@click.option("--frame-shift", type=float, help="Seconds between frames of such features.")
@TEXT
@FORCE
@click.pass_obj
def import_(
    workspace: Path,
    source: Path,
    form: str,
    into: Path | None,
    backbone: str | None,
    width: int | None,
    kind: str,
    dtype: str,
    frame_shift: float | None,
    text: str | None,
    force: bool,
) -> None:
    """Make a store of IN, which `export` wrote; every utterance is compared with its checksum.

    With --backbone and --width: of any folder of .npy files named by the ids of the manifest.
    """
    from medusa.cache.exchange.convert import ExchangeError
    from medusa.cache.exchange.convert import import_ as read
    from medusa.cache.exchange.foreign import Origin, import_foreign
    from medusa.cache.exchange.sidecar import is_there
    from medusa.cache.used import by_id
    from medusa.console import say
    from medusa.errors import listed, plural
    from medusa.workspace import Workspace

    opened = Workspace.open(workspace)
    ours = form != "npy" or is_there(source)
    if ours and (backbone or width):
        raise ExchangeError(
            f"{source}: an export says itself what it is; drop --backbone and --width, which are "
            "for folders of .npy that are no export"
        )
    if ours:
        say(f"{read(source, form, opened.features, into, force)}: imported")
        return
    if not source.is_dir():
        what = "is a file; --format npy needs a folder" if source.exists() else "no such folder"
        raise ExchangeError(f"{source}: {what}")
    if not backbone or not width:
        raise ExchangeError(
            f"{source}: no export of `medusa cache export` (no features.json); to import it "
            "nevertheless say what it is: --backbone NAME --width D"
        )
    origin = Origin(backbone, width, kind, dtype, frame_shift)
    contents = by_id(opened, kind, text)
    done = import_foreign(source, origin, contents, opened.features, into, force)
    say(f"{done.store}: {plural(done.utterances, 'utterance')} imported")
    if done.left_out:
        say(f"{plural(len(done.left_out), 'file')} of no utterance: {listed(done.left_out)}")


COMMANDS = (export, import_)
