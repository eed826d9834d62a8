"""`medusa cache archive|restore|merge`: compress stores, decompress them, and join them."""

from pathlib import Path

import click

from medusa.cache.options import FORCE, INTO, PATH


@click.command("archive", short_help="Write a compressed copy of a store for cold storage.")
@click.argument("name", metavar="STORE")
@click.argument("out", type=PATH)
@FORCE
@click.pass_obj
def archive(workspace: Path, name: str, out: Path, force: bool) -> None:
    """Write a compressed copy of STORE for cold storage. The copy is still a store, but slow."""
    from medusa.cache.info import find
    from medusa.cache.upkeep.archive import archive as write
    from medusa.console import say
    from medusa.workspace import Workspace

    before, after = write(find(Workspace.open(workspace).features, name), out, force)
    say(f"{out}: {after / 1e6:.1f} MB of {before / 1e6:.1f} MB ({after / before:.0%})")


@click.command("restore", short_help="Make a store of an archive again.")
@click.argument("source", metavar="ARCHIVE", type=PATH)
@FORCE
@click.pass_obj
def restore(workspace: Path, source: Path, force: bool) -> None:
    """Make a store of ARCHIVE again, and compare every utterance with its checksum."""
    from medusa.cache.layout import read_spec
    from medusa.cache.upkeep.archive import restore as read
    from medusa.console import say
    from medusa.workspace import Workspace

    into = Workspace.open(workspace).features / read_spec(source).folder
    say(f"{read(source, into, force)}: the store is restored")


@click.command("merge", short_help="Join stores that several machines made.")
@click.argument("names", nargs=-1, required=True, metavar="STORE...")
@INTO
@FORCE
@click.pass_obj
def merge(workspace: Path, names: tuple[str, ...], into: Path | None, force: bool) -> None:
    """Join STOREs of one spec that several machines made.

    If several stores have an utterance, the first store's features are taken.
    """
    from medusa.cache.info import find
    from medusa.cache.upkeep.merge import merge as join
    from medusa.console import say
    from medusa.workspace import Workspace

    opened = Workspace.open(workspace)
    paths = [find(opened.features, name) for name in names]
    done = join(paths, opened.features, into, force)
    say(
        f"{done.path}: {done.utterances} utterances; {done.doubles} were in several stores, "
        f"{done.different} of them with different values (the first store's were taken)"
    )


COMMANDS = (archive, restore, merge)
