"""`medusa manifest audit` lists all faults of a manifest."""

import json
from pathlib import Path

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
@json_option()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the JSON, which names every row concerned, to a file.",
)
@click.pass_context
def audit(
    ctx: click.Context,
    digests: bool,
    listen: bool,
    strict: bool,
    as_json: bool,
    output: Path | None,
) -> None:
    """List all faults of the manifest at once.

    The audit checks the labels, votes, splits, speakers and texts, and the headers of the
    recordings. It exits with 1 if there are errors; with --strict, also if there are warnings.
    """
    from medusa.atomic import write_text
    from medusa.console import progress, say, table
    from medusa.manifests.audit.checks import audit as find_faults
    from medusa.manifests.audit.findings import LEVELS, Subject
    from medusa.workspace import Workspace

    workspace = Workspace.open(ctx.obj)
    subject = Subject.read(workspace.manifest, workspace.transcripts)
    files = subject.frame["path"].nunique() * (2 if listen else 1)
    with progress("auditing", files, unit="file") as advance:
        found = find_faults(subject, digests, advance, listen)
    counts = {level: sum(finding.level == level for finding in found) for level in LEVELS}
    report = counts | {"findings": [finding.to_dict() for finding in found]}
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if output is not None:
        write_text(output, text + "\n")
    if as_json:
        click.echo(text)
    elif found:
        table(["level", "check", "fault", "remedy"], [finding.row() for finding in found])
    summary = ", ".join(plural(count, level) for level, count in counts.items())
    say(f"{workspace.manifest}: {plural(len(subject.frame), 'utterance')}, {summary}")
    ctx.exit(1 if counts["error"] or (strict and counts["warning"]) else 0)
