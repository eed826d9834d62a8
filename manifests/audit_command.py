"""`medusa manifest audit`: everything that is wrong with a manifest, in one list."""

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
    help="Decode every recording: clipping, silence, recordings that are nearly the same.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings too.")
@json_option()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the same JSON to a file, every place named.",
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
    """List everything that is wrong, all at once.

    Looks at labels, votes, splits, speakers, texts and recordings (their headers only). Exits with
    1 when there are errors; warnings leave it at 0 without --strict, and notes do.
    """
    from medusa.atomic import write_text
    from medusa.console import progress, say, table
    from medusa.manifests.audit.checks import audit as look
    from medusa.manifests.audit.findings import LEVELS, Subject
    from medusa.workspace import Workspace

    workspace = Workspace.open(ctx.obj)
    subject = Subject.read(workspace.manifest, workspace.transcripts)
    files = subject.frame["path"].nunique() * (2 if listen else 1)
    with progress("auditing", files, unit="file") as advance:
        found = look(subject, digests, advance, listen)
    counts = {level: sum(finding.level == level for finding in found) for level in LEVELS}
    report = counts | {"findings": [finding.to_dict() for finding in found]}
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if output is not None:
        write_text(output, text + "\n")
    if as_json:
        click.echo(text)
    elif found:
        table(["level", "check", "what", "what to do"], [finding.row() for finding in found])
    summary = ", ".join(plural(count, level) for level, count in counts.items())
    say(f"{workspace.manifest}: {plural(len(subject.frame), 'utterance')}, {summary}")
    ctx.exit(1 if counts["error"] or (strict and counts["warning"]) else 0)
