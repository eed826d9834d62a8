"""`medusa cache verify`: it stands in the group of the cache, but needs the encoders, too."""

from pathlib import Path

import click

from medusa.options import device_option, text_option

MOST = 20  # problems shown


@click.command(short_help="Compare every stored byte with its checksum.")
@click.argument("names", nargs=-1, metavar="[STORE]...")
@click.option(
    "--recompute",
    type=click.IntRange(min=1),
    metavar="N",
    help="Extract N utterances again and report the largest difference.",
)
@click.option("--checkpoint", metavar="PATH", help="Where the weights are now.")
@text_option("Whose text; see `medusa extract`.")
@device_option("Where to extract again.")
@click.pass_obj
def verify(
    home: Path,
    names: tuple[str, ...],
    recompute: int | None,
    checkpoint: str | None,
    text: str | None,
    device: str,
) -> None:
    """Compare every stored byte with the checksums taken when it was computed."""
    from medusa.cache.info import find, folders
    from medusa.cache.store import FeatureStore, StoreError
    from medusa.cache.used import ids
    from medusa.cache.verify import verify as check
    from medusa.console import say
    from medusa.errors import plural
    from medusa.workspace import Workspace

    workspace = Workspace.open(home)
    paths = [find(workspace.features, name) for name in names] or folders(workspace.features)
    if not paths:
        say(f"{workspace.features}: no features yet; see `medusa extract --help`")
    utterances = ids(workspace, text)
    problems, damaged = [], []
    for path in paths:
        found = check(path, utterances)
        say(f"{path.stem}: {plural(len(found), 'problem') if found else 'no problems'}")
        problems += found
        damaged += [path] if found else []
    if problems:
        more = [f"and {len(problems) - MOST} more"] if len(problems) > MOST else []
        lines = "\n  ".join(["damaged features:", *problems[:MOST], *more])
        from medusa.extract.planning.origin import command

        commands = "; ".join(dict.fromkeys(command(path) for path in damaged))
        raise StoreError(f"{lines}\ncompute them again, with the options of then: {commands}")
    if recompute:
        from medusa.extract.encoders.devices import pick
        from medusa.extract.passes.recompute import recompute as again

        for path in paths:
            store = FeatureStore.open(path)
            got = again(workspace, store, recompute, pick(device), checkpoint, text)
            drawn = plural(got.utterances, "utterance")
            click.echo(
                f"{path.stem}: {drawn} computed again, largest difference "
                f"{got.largest:.3g} ({got.relative:.2g} standard deviations), in {got.worst}"
            )
