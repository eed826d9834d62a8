"""`medusa cache import|import-npy`: make a store of an export, or of any folder of .npy files."""

from pathlib import Path

import click

from medusa.cache.options import FORCE, PATH
from medusa.options import text_option


@click.command("import", short_help="Make a store of an export.")
@click.argument("source", type=PATH)
@FORCE
@click.pass_obj
def import_(workspace: Path, source: Path, force: bool) -> None:
    """Make a store of SOURCE, a file or folder that `medusa cache export` wrote.

    The format is recognised, and every utterance is compared with its checksum.
    """
    from medusa.cache.exchange.convert import import_ as read
    from medusa.console import say
    from medusa.workspace import Workspace

    store = read(source, Workspace.open(workspace).features, force=force)
    say(f"{store}: the store is imported")


@click.command("import-npy", short_help="Make a store of .npy files of another program.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--backbone", required=True, help="A name for the features.")
@click.option("--frame-shift", type=float, help="Seconds between frames, if they are known.")
@text_option("For text features, the source of the texts: `manifest` or a transcripts table.")
@FORCE
@click.pass_obj
def import_npy(
    workspace: Path,
    folder: Path,
    backbone: str,
    frame_shift: float | None,
    text: str | None,
    force: bool,
) -> None:
    """Make a store of FOLDER, which has one .npy file per utterance, named by its id.

    Width and number format are read from the files. Without --text, the features are of audio.
    """
    from medusa.cache.exchange.foreign import Origin, import_foreign
    from medusa.cache.used import by_id
    from medusa.console import say
    from medusa.errors import listed, plural
    from medusa.workspace import Workspace

    opened, kind = Workspace.open(workspace), "text" if text else "audio"
    origin, contents = Origin(backbone, kind, frame_shift), by_id(opened, kind, text)
    done = import_foreign(folder, origin, contents, opened.features, force=force)
    say(f"{done.store}: {plural(done.utterances, 'utterance is')} imported")
    if done.left_out:
        files = plural(len(done.left_out), "file does")
        say(f"{files} not belong to an utterance: {listed(done.left_out)}")
