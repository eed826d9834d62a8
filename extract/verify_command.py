"""`medusa cache verify`: it stands in the group of the cache, but needs the encoders, too."""

from pathlib import Path

import click

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
@click.option("--text", metavar="SOURCE", help="Whose text; see `medusa extract`.")
@click.option("--device", default="auto", show_default=True, help="Where to extract again.")
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
    from medusa.cache.store import FeatureStore, StoreError
    from medusa.cache.verify import verify as check
    from medusa.console import say
    from medusa.errors import listed
    from medusa.workspace import Workspace

    workspace = Workspace.open(home)
    folders = sorted(workspace.features.glob("*.zarr/index"))
    stores = {path.parent.stem: path.parent for path in folders}
    wanted = [name.removesuffix(".zarr") for name in names] or list(stores)
    unknown = [name for name in wanted if name not in stores]
    if unknown:
        raise StoreError(f"no store {listed(unknown)}; there is {listed(stores, 20)}")
    if not stores:
        say(f"{workspace.features}: no features yet; see `medusa extract --help`")
    problems, damaged = [], []
    for name in wanted:
        found = check(stores[name])
        say(f"{name}: {len(found) or 'no'} problem{'' if len(found) == 1 else 's'}")
        problems += found
        damaged += [stores[name]] if found else []
    if problems:
        more = [f"and {len(problems) - MOST} more"] if len(problems) > MOST else []
        lines = "\n  ".join(["damaged features:", *problems[:MOST], *more])
        from medusa.extract.origin import command

        commands = "; ".join(dict.fromkeys(command(path) for path in damaged))
        raise StoreError(f"{lines}\ncompute them again, with the options of then: {commands}")
    if recompute:
        from medusa.extract.devices import pick
        from medusa.extract.recompute import recompute as again

        for name in wanted:
            store = FeatureStore.open(stores[name])
            got = again(workspace, store, recompute, pick(device), checkpoint, text)
            click.echo(
                f"{name}: {got.utterances} utterances computed again, largest difference "
                f"{got.largest:.3g} ({got.relative:.2g} standard deviations), in {got.worst}"
            )
