"""`medusa doctor`: the condition of this machine and of the workspace."""

import json
from pathlib import Path

import click

from medusa.options import json_option


@click.command()
@click.option(
    "--hub", is_flag=True, help="Also try the Hugging Face Hub; nothing else uses the network."
)
@json_option()
@click.pass_context
def doctor(ctx: click.Context, /, hub: bool, as_json: bool) -> None:
    """Look at Python, torch, ffmpeg, libraries, the disk and the workspace; say what to do.

    The command exits with 1 if there is a problem, which makes other commands fail.
    """
    from dataclasses import asdict

    from medusa.console import table
    from medusa.recipes.doctor.condition import BAD
    from medusa.recipes.doctor.diagnose import diagnose
    from medusa.workspace import Workspace

    root: Path = ctx.obj
    found = diagnose(Workspace.open(root), hub)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        rows = [[one.part, one.state, one.found, one.advice] for one in found]
        table(["part", "state", "found", "what to do"], rows)
    ctx.exit(1 if any(one.state == BAD for one in found) else 0)
