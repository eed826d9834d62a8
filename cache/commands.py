"""`medusa cache`: list and describe the feature stores of the workspace."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.cache.exchange.export_command import export
from medusa.cache.exchange.import_command import import_, import_npy
from medusa.cache.upkeep.commands import COMMANDS as UPKEEP
from medusa.cache.upkeep.gc_command import gc
from medusa.options import json_option

if TYPE_CHECKING:
    from medusa.cache.store import FeatureStore


class CacheGroup(click.Group):
    """The group knows `ls` also by the name `list`, which `--help` does not show."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, "ls" if cmd_name == "list" else cmd_name)


@click.group(cls=CacheGroup)
def cache() -> None:
    """List, check, move and convert the feature stores of the workspace."""


@cache.command("ls", short_help="List the stores and their sizes.")
@json_option()
@click.pass_obj
def list_stores(workspace: Path, as_json: bool) -> None:
    """List the stores with their checkpoint, layers, number format, utterances and size."""
    import json

    from medusa.cache.info import differences, each, folders, refuse
    from medusa.cache.store import FeatureStore
    from medusa.console import say, table
    from medusa.workspace import Workspace

    features = Workspace.open(workspace).features
    stores, damaged = each(folders(features), FeatureStore.open)
    stores = [store for store in stores if len(store)]
    facts, differing = [_facts(store) for store in stores], differences(stores)
    if any(differing.values()):
        for store, row in zip(stores, facts, strict=True):
            row["differs in"] = differing[store.path]
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    elif facts:
        table(list(facts[0]), [list(row.values()) for row in facts], title=str(features))
    elif not damaged:
        say(f"{features}: there are no features yet; run `medusa extract --backbone ...` first")
    refuse(damaged)


@cache.command("info", short_help="Describe one store.")
@click.argument("name", metavar="STORE")
@json_option()
@click.pass_obj
def info(workspace: Path, name: str, as_json: bool) -> None:
    """Print the spec, the size, the flags and the provenance of one store.

    The rounding error is that of its number format, measured when the store was written.
    """
    import json

    from medusa.cache.info import describe, find
    from medusa.cache.store import FeatureStore
    from medusa.console import table
    from medusa.workspace import Workspace

    facts = describe(FeatureStore.open(find(Workspace.open(workspace).features, name)))
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    rows = [[key, json.dumps(value).strip(chr(34))] for key, value in facts.items()]
    table(["", str(facts["store"])], rows)


def _facts(store: "FeatureStore") -> dict[str, object]:
    spec = store.spec
    return {
        "store": store.path.name,
        "checkpoint": spec.checkpoint,
        "layers": ",".join(map(str, spec.layers)),
        "reduce": spec.reduce,
        "dtype": spec.dtype,
        "width": spec.width,
        "utterances": len(store),
        "MB": round(store.size_bytes() / 1e6, 1),
    }


for command in (export, import_, import_npy, *UPKEEP, gc):
    cache.add_command(command)
