"""`medusa manifest show` prints the contents of a manifest."""

import json
from pathlib import Path

import click

from medusa.errors import listed
from medusa.options import json_option


@click.command()
@json_option("Print JSON instead of tables.")
@click.pass_obj
def show(workspace: Path, as_json: bool) -> None:
    """Show the classes, splits, speakers and hours of the manifest."""
    from medusa.console import say, table
    from medusa.manifests import overview
    from medusa.manifests.manifest import Manifest
    from medusa.workspace import Workspace

    corpus = Manifest.read(Workspace.open(workspace).manifest)
    if as_json:
        click.echo(json.dumps(overview.as_json(corpus), indent=2, ensure_ascii=False))
        return
    table(*overview.table_rows(corpus))
    for sentence in overview.origin(corpus):
        say(sentence)
    for name, speakers in overview.speakers_by_split(corpus).items():
        say(f"speakers in {name}: {listed(speakers, 12) or 'unknown'}")
