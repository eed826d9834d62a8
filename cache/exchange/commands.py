"""`medusa cache export|import|archive|restore|merge|gc`: stores elsewhere, and back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.options import force_option, json_option, text_option

if TYPE_CHECKING:
    from medusa.cache.gc import Waste

FORMATS = ("hdf5", "npy", "safetensors", "arrow")
PLACE = click.Path(path_type=Path)
FORCE = force_option("Replace what is there; otherwise that is an error.")
INTO = click.option(
    "--into",
    type=PLACE,
    help="The store to make (default: in the workspace's features, named by the spec).",
)
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
@click.argument("out", type=PLACE)
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

    place = Workspace.open(workspace)
    path = find(place.features, name)
    names: dict[str, list[str]] | None = None
    if by == "id":
        if form != "npy":
            raise ExchangeError(f"--by id names the files of npy; {form} has contents alone")
        store, names = FeatureStore.open(path), {}
        for utterance, content in by_id(place, store.spec.input, text).items():
            if content in store:
                names.setdefault(content, []).append(utterance)
        if not names:
            raise ExchangeError(f"{path}: has no utterance of {place.manifest}")
        if len(names) < len(store):
            out_of_it = plural(len(store) - len(names), "utterance is")
            say(f"{out_of_it} not in {place.manifest}: left out")
    header = write(path, out, form, force, names)
    say(f"{out}: {plural(header.utterances, 'utterance')}, {plural(header.frames, 'frame')}")


@click.command("import", short_help="Make a store of what `export` wrote.")
@click.argument("source", metavar="IN", type=PLACE)
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

    place = Workspace.open(workspace)
    ours = form != "npy" or is_there(source)
    if ours and (backbone or width):
        raise ExchangeError(
            f"{source}: an export says itself what it is; drop --backbone and --width, which are "
            "for folders of .npy that are no export"
        )
    if ours:
        say(f"{read(source, form, place.features, into, force)}: imported")
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
    contents = by_id(place, kind, text)
    done = import_foreign(source, origin, contents, place.features, into, force)
    say(f"{done.store}: {plural(done.utterances, 'utterance')} imported")
    if done.left_out:
        say(f"{plural(len(done.left_out), 'file')} of no utterance: {listed(done.left_out)}")


@click.command("archive", short_help="Write a compressed copy for cold storage.")
@click.argument("name", metavar="STORE")
@click.argument("out", type=PLACE)
@FORCE
@click.pass_obj
def archive(workspace: Path, name: str, out: Path, force: bool) -> None:
    """Write a compressed copy of STORE for cold storage; it is still a store, but a slow one."""
    from medusa.cache.archive import archive as write
    from medusa.cache.info import find
    from medusa.console import say
    from medusa.workspace import Workspace

    before, after = write(find(Workspace.open(workspace).features, name), out, force)
    say(f"{out}: {after / 1e6:.1f} MB of {before / 1e6:.1f} MB ({after / before:.0%})")


@click.command("restore", short_help="Make a fast store of an archive again.")
@click.argument("source", metavar="ARCHIVE", type=PLACE)
@INTO
@FORCE
@click.pass_obj
def restore(workspace: Path, source: Path, into: Path | None, force: bool) -> None:
    """Make a fast store of ARCHIVE again, and compare every utterance with its checksum."""
    from medusa.cache.archive import restore as read
    from medusa.cache.layout import read_spec
    from medusa.console import say
    from medusa.workspace import Workspace

    into = into or Workspace.open(workspace).features / read_spec(source).folder
    say(f"{read(source, into, force)}: restored")


@click.command("merge", short_help="Join stores made on several machines.")
@click.argument("names", nargs=-1, required=True, metavar="STORE...")
@INTO
@FORCE
@click.pass_obj
def merge(workspace: Path, names: tuple[str, ...], into: Path | None, force: bool) -> None:
    """Join STOREs of one spec, made on several machines; of doubles the first is taken."""
    from medusa.cache.info import find
    from medusa.cache.merge import merge as join
    from medusa.console import say
    from medusa.workspace import Workspace

    place = Workspace.open(workspace)
    paths = [find(place.features, name) for name in names]
    done = join(paths, place.features, into, force)
    say(
        f"{done.path}: {done.utterances} utterances; {done.doubles} were there more than once, "
        f"{done.different} of them not bit-equal (the first was taken)"
    )


@click.command("gc", short_help="Remove features that no manifest uses.")
@click.argument("names", nargs=-1, metavar="[STORE]...")
@click.option("--manifest", "manifests", multiple=True, type=PLACE, help="Keep what it uses, too.")
@click.option(
    "--older-than",
    type=float,
    default=24.0,
    show_default=True,
    help="Hours after which a file that no commit knows counts as left by a killed command.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@json_option()
@click.pass_obj
def gc(
    workspace: Path,
    names: tuple[str, ...],
    manifests: tuple[Path, ...],
    older_than: float,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove features that no manifest uses, and what killed commands left; a rerun goes on.

    What is used is never touched: a kill at any moment loses nothing. Not while features are
    being extracted.
    """
    import json

    from medusa.cache.gc import clean, remains, remove, size_of, survey
    from medusa.cache.info import each, find, folders, refuse
    from medusa.cache.layout import read_spec
    from medusa.cache.used import used
    from medusa.console import say, table
    from medusa.workspace import Workspace

    place = Workspace.open(workspace)
    keep, age_s = used(place, manifests), older_than * 3600
    paths = [find(place.features, name) for name in names] or folders(place.features)
    wastes, damaged = each(paths, lambda path: survey(path, keep[read_spec(path).input], age_s))
    rows = [_facts(waste) for waste in wastes]
    left = [] if names else remains(place.features, age_s)
    rows += [{"store": path.name, "orphans": 1, "orphan_bytes": size_of(path)} for path in left]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        columns = ["store", "utterances", "unused", "unused_bytes", "orphans", "orphan_bytes"]
        table(columns, [[row.get(column) for column in columns] for row in rows])
    sizes = [waste.bytes for waste in wastes] + [size_of(path) for path in left]
    if not dry_run:
        sizes[: len(wastes)], stopped = each(wastes, clean)
        damaged += stopped
        for path in left:
            remove(path)
    total = sum(sizes)
    say(f"{total / 1e6:.1f} MB {'could be removed' if dry_run else 'removed'}")
    refuse(damaged)


def _facts(waste: "Waste") -> dict[str, object]:
    return {
        "store": waste.store.path.name,
        "utterances": len(waste.store),
        "unused": len(waste.unused),
        "unused_bytes": waste.unused_bytes,
        "orphans": len(waste.orphans),
        "orphan_bytes": waste.orphan_bytes,
        "being_written": waste.busy,
    }


COMMANDS = (export, import_, archive, restore, merge, gc)
