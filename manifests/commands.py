"""`medusa manifest`: import a corpus, audit it, look at it; the rest is in `change_commands.py`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.errors import listed, plural
from medusa.manifests.change_commands import export, merge, relabel, split
from medusa.options import json_option

if TYPE_CHECKING:
    from medusa.manifests.corpora import Importer
    from medusa.manifests.manifest import Manifest


@click.group()
def manifest() -> None:
    """Import a corpus into a manifest, split it, audit it, look at it."""


class Corpora(click.Group):
    """One command per file in `importers/`, with that importer's options."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from medusa.manifests import corpora

        return corpora.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from medusa.manifests import corpora

        return _import_command(cmd_name, corpora.load(cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from medusa.manifests import corpora

        with formatter.section("Corpora"):
            formatter.write_dl([(name, corpora.summary(name)) for name in corpora.names()])


@manifest.command("import", cls=Corpora, subcommand_metavar="CORPUS ROOT [OPTIONS]")
def import_() -> None:
    """Read a corpus and write manifest.parquet.

    ROOT is the corpus's folder (or file). Each corpus has its own options:
    `medusa manifest import CORPUS --help`.
    """


def _import_command(name: str, importer: "Importer") -> click.Command:
    """Return the command that imports one corpus."""

    @click.pass_obj
    def run(
        workspace: Path, /, root: Path, force: bool, drop_bad_audio: bool, **options: Any
    ) -> None:
        _import(workspace, name, importer, root, force, drop_bad_audio, options)

    shared = [
        click.Argument(["root"], type=click.Path(exists=True, path_type=Path)),
        *importer.OPTIONS,
        click.Option(
            ["--drop-bad-audio"],
            is_flag=True,
            help="Keep utterances whose recording is missing, unreadable or truncated, "
            "without their audio.",
        ),
        click.Option(["--force"], is_flag=True, help="Replace a manifest that has other rows."),
    ]
    return click.Command(name, callback=run, params=shared, help=importer.__doc__)


def _import(
    workspace: Path,
    name: str,
    importer: "Importer",
    root: Path,
    force: bool,
    drop_bad_audio: bool,
    options: dict[str, Any],
) -> None:
    from medusa.console import progress, say, table
    from medusa.manifests.import_tools import tally
    from medusa.manifests.import_tools.ingest import attach_audio
    from medusa.manifests.manifest import Manifest
    from medusa.manifests.overview import table_rows
    from medusa.workspace import Workspace

    path = Workspace.open(workspace).manifest
    old = Manifest.read(path) if path.exists() and not force else None
    corpus = importer.import_corpus(root, **options)
    corpus.provenance |= {"corpus": name, "root": str(root.resolve()), "options": _plain(options)}
    files = corpus.frame["path"].nunique()
    with progress("reading audio", files, unit="file") as advance:
        corpus, dropped = attach_audio(corpus, path.parent, drop_bad_audio, advance)
    if dropped:
        kept = plural(len(dropped), "utterance")
        say(f"{kept} kept without audio: {listed(dropped.values(), 3)}")
    if old is not None and _same_rows(path, old, corpus):
        say(f"{path}: already holds the same {plural(len(corpus), 'utterance')}; nothing to do")
        return
    corpus.write(path)
    say(f"wrote {path}")
    lines = corpus.provenance.get("import")
    if isinstance(lines, list):
        table(*tally.table_rows(lines), title="what was found")
    table(*table_rows(corpus), title="what is in the manifest")
    _say_next(corpus)


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, as JSON values."""
    given = {key: value for key, value in options.items() if value not in (None, ())}
    return {key: str(value) if isinstance(value, Path) else value for key, value in given.items()}


def _same_rows(path: Path, old: "Manifest", corpus: "Manifest") -> bool:
    """Tell whether the manifest at `path` has these rows, the split apart; another is an error."""
    from medusa.manifests.import_tools.ingest import same_rows
    from medusa.manifests.manifest import ManifestError

    if same_rows(old, corpus):
        return True
    raise ManifestError(
        f"{path}: already holds another manifest ({old.provenance.get('corpus', 'unknown')}, "
        f"{plural(len(old), 'utterance')}); replace it with --force, or work in another folder "
        "(--workspace)"
    )


def _say_next(corpus: "Manifest") -> None:
    """Say what is not there, and the usual next command."""
    from medusa.console import say

    silent = int(corpus.frame["content"].isna().sum())
    if silent:
        say(f"{plural(silent, 'utterance has')} no audio; only text backbones can use them")
    if corpus.frame["split"].isna().all():
        by = "speaker" if corpus.frame["speaker"].notna().all() else "utterance"
        say(f"next: medusa manifest split --by {by}")


@manifest.command()
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


@manifest.command()
@json_option("Print JSON instead of tables.")
@click.pass_obj
def show(workspace: Path, as_json: bool) -> None:
    """Show what is in the manifest: classes, splits, speakers, hours."""
    from medusa.console import say, table
    from medusa.manifests import overview
    from medusa.manifests.manifest import Manifest
    from medusa.workspace import Workspace

    corpus = Manifest.read(Workspace.open(workspace).manifest)
    if as_json:
        click.echo(json.dumps(overview.as_json(corpus), indent=2, ensure_ascii=False))
        return
    table(*overview.table_rows(corpus))
    say(f"classes: {corpus.scheme.name}; provenance: {json.dumps(corpus.provenance)}")
    for name, speakers in overview.speakers_by_split(corpus).items():
        say(f"speakers in {name}: {listed(speakers, 12) or 'unknown'}")


for command in (split, relabel, merge, export):
    manifest.add_command(command)
