"""`medusa manifest`: the group; each of its commands has a file of its own."""

import click

from medusa.manifests.audit_command import audit
from medusa.manifests.change_commands import export, merge, relabel
from medusa.manifests.import_command import import_
from medusa.manifests.show_command import show
from medusa.manifests.split_command import split


@click.group()
def manifest() -> None:
    """Import a corpus into a manifest, split it, audit it, look at it."""


for command in (import_, audit, show, split, relabel, merge, export):
    manifest.add_command(command)
