"""`medusa cache import`: a store of exported files, or of any folder of .npy files."""

from pathlib import Path

import click

from medusa.cache.exchange.options import FORMAT, TEXT
from medusa.cache.options import FORCE, INTO, PATH


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
    from medusa.cache.exchange.convert import import_ as read
    from medusa.cache.exchange.foreign import Origin, import_foreign
    from medusa.cache.exchange.sidecar import is_there
    from medusa.cache.used import by_id
    from medusa.console import say
    from medusa.errors import StoreError, listed, plural
    from medusa.workspace import Workspace

    opened = Workspace.open(workspace)
    ours = form != "npy" or is_there(source)
    if ours and (backbone or width):
        raise StoreError(
            f"{source}: an export says itself what it is; drop --backbone and --width, which are "
            "for folders of .npy that are no export"
        )
    if ours:
        say(f"{read(source, form, opened.features, into, force)}: imported")
        return
    if not source.is_dir():
        what = "is a file; --format npy needs a folder" if source.exists() else "no such folder"
        raise StoreError(f"{source}: {what}")
    if not backbone or not width:
        raise StoreError(
            f"{source}: no export of `medusa cache export` (no features.json); to import it "
            "nevertheless say what it is: --backbone NAME --width D"
        )
    origin = Origin(backbone, width, kind, dtype, frame_shift)
    contents = by_id(opened, kind, text)
    done = import_foreign(source, origin, contents, opened.features, into, force)
    say(f"{done.store}: {plural(done.utterances, 'utterance')} imported")
    if done.left_out:
        say(f"{plural(len(done.left_out), 'file')} of no utterance: {listed(done.left_out)}")
