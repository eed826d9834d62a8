"""`medusa manifest export` writes the manifest for other tools."""

from pathlib import Path

import click

from medusa.errors import plural
from medusa.options import force_option


@click.command(short_help="Write the manifest for other tools.")
@click.argument(
    "form", metavar="FORMAT", type=click.Choice(["csv", "lhotse", "audformat", "datasets"])
)
@click.argument("target", type=click.Path(path_type=Path))
@force_option("Replace the file, or an earlier export.")
@click.pass_obj
def export(workspace: Path, form: str, target: Path, force: bool) -> None:
    """Write the manifest for other tools: FORMAT is csv, lhotse, audformat or datasets.

    TARGET is a file for csv, and a folder for the other formats. The recordings stay in their
    folders; the export has their paths. `medusa manifest import FORMAT TARGET` reads each format.
    """
    from medusa.console import say
    from medusa.manifests.export import export as write
    from medusa.manifests.manifest import Manifest
    from medusa.workspace import Workspace

    corpus = Manifest.read(Workspace.open(workspace).manifest)
    write(corpus, form, target, force)
    say(f"wrote {target}: {plural(len(corpus), 'utterance')} as {form}")
