"""`medusa manifest audit` lists all faults of a manifest."""

import json

import click

from medusa.errors import plural
from medusa.options import json_option


@click.command()
@click.option("--digests", is_flag=True, help="Read every recording and compare its digest.")
@click.option(
    "--listen",
    is_flag=True,
    help="Decode every recording, to find clipping, silence and recordings that sound alike.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 if there are warnings, too.")
@json_option("Print JSON, which names every row concerned, instead of a table.")
@click.pass_context
def audit(
    ctx: click.Context,
    digests: bool,
    listen: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """List all faults of the manifest at once.

    The audit checks the labels, votes, splits, speakers and texts, and the headers of the
    recordings. It exits with 1 if there are errors; with --strict, also if there are warnings.
    """
    from medusa.console import say, table
    from medusa.manifests.audit.audit_corpus import audit_corpus
    from medusa.manifests.audit.findings import LEVELS
    from medusa.workspace import Workspace

    workspace = Workspace.open(ctx.obj)
    found = audit_corpus(workspace, digests=digests, listen=listen)
    counts = {level: sum(finding.level == level for finding in found) for level in LEVELS}
    if as_json:
        report = counts | {"findings": [finding.to_dict() for finding in found]}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    elif found:
        table(["level", "check", "fault", "remedy"], [finding.row() for finding in found])
    summary = ", ".join(plural(count, level) for level, count in counts.items())
    say(f"{workspace.manifest}: {summary}")
    ctx.exit(1 if counts["error"] or (strict and counts["warning"]) else 0)
