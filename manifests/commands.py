"""The group `medusa manifest`; the modules `*_command.py` and `*_commands.py` have its commands."""

import click

from medusa.manifests.audit_command import audit
from medusa.manifests.change_commands import merge, relabel
from medusa.manifests.export_command import export
from medusa.manifests.import_command import import_
from medusa.manifests.show_command import show
from medusa.manifests.split_command import split


@click.group()
def manifest() -> None:
    """Import a corpus into a manifest; split, audit and show the manifest."""


for command in (import_, audit, show, split, relabel, merge, export):
    manifest.add_command(command)
