"""`medusa cache gc`: remove the features that no manifest uses."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.cache.options import PATH
from medusa.options import json_option

if TYPE_CHECKING:
    from medusa.cache.upkeep.waste import Waste


@click.command("gc", short_help="Remove the features that no manifest uses.")
@click.argument("names", nargs=-1, metavar="[STORE]...")
@click.option(
    "--manifest",
    "manifests",
    multiple=True,
    type=PATH,
    help="Also keep the features that this manifest uses.",
)
@click.option(
    "--older-than",
    type=float,
    default=24.0,
    show_default=True,
    help="Hours after which an uncommitted file counts as left by a killed command.",
)
@click.option("--dry-run", is_flag=True, help="Show the removable features, but remove nothing.")
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
    """Remove the features that no manifest uses, and the files that killed commands left.

    Features in use are never touched: a kill at any moment loses nothing, and a rerun continues.
    Do not run it while features are being extracted.
    """
    import json

    from medusa.cache.info import each, find, folders, refuse
    from medusa.cache.layout import read_spec
    from medusa.cache.upkeep.gc import clean
    from medusa.cache.upkeep.waste import remains, remove, size_of, survey
    from medusa.cache.used import used
    from medusa.console import say, table
    from medusa.workspace import Workspace

    opened = Workspace.open(workspace)
    keep, age_s = used(opened, manifests), older_than * 3600
    paths = [find(opened.features, name) for name in names] or folders(opened.features)
    wastes, damaged = each(paths, lambda path: survey(path, keep[read_spec(path).input], age_s))
    rows = [_facts(waste) for waste in wastes]
    left = [] if names else remains(opened.features, age_s)
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
