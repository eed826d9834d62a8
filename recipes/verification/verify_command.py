"""The command `medusa verify`, which checks all files of a workspace."""

from pathlib import Path

import click

from medusa.options import json_option


@click.command(short_help="Compare all files of the workspace with their checksums.")
@json_option()
@click.pass_obj
def verify(root: Path, as_json: bool) -> None:
    """Compare the manifest, transcripts, features, runs and recipes with their checksums.

    Each of them is ok, damaged, unfinished, or without a seal, if an older version wrote it. The
    exit code is 1 if one is damaged. Recordings are checked by `medusa manifest audit`.
    """
    import json
    from dataclasses import asdict

    from medusa.console import say
    from medusa.errors import MedusaError, plural
    from medusa.recipes.verification.verified import DAMAGED
    from medusa.recipes.verification.verify import verify as check
    from medusa.workspace import Workspace

    found = check(Workspace.open(root))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in found:
            click.echo(f"{one.name}: {one.state}")
    damaged = [one for one in found if one.state == DAMAGED]
    if damaged:
        problems = [problem for one in damaged for problem in one.problems]
        raise MedusaError("\n  ".join([f"{plural(len(damaged), 'thing is')} damaged:", *problems]))
    if not found:
        say(f"{root}: there is nothing to verify; start with `medusa manifest import`")
