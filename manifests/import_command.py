"""`medusa manifest import` has one command per corpus, with the options of its importer."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.errors import listed, plural

if TYPE_CHECKING:
    from medusa.manifests.corpora import Importer
    from medusa.manifests.manifest import Manifest


class Corpora(click.Group):
    """The group has one command per file in `importers/`, with the options of that importer."""

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


@click.command("import", cls=Corpora, subcommand_metavar="CORPUS ROOT [OPTIONS]")
def import_() -> None:
    """Read a corpus and write manifest.parquet.

    ROOT is the folder or the file of the corpus. Each corpus has its own options, which
    `medusa manifest import CORPUS --help` lists.
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
            help="If a recording is missing, unreadable or truncated, keep its utterances without "
            "audio.",
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
    lines = corpus.provenance["import"]
    say(tally.sentence(lines))
    if any(line["dropped"] or line["note"] for line in lines):
        table(*tally.table_rows(lines), title="found in the corpus")
    table(*table_rows(corpus), title="in the manifest")
    _say_next(corpus)


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, as JSON values."""
    given = {key: value for key, value in options.items() if value not in (None, ())}
    return {key: str(value) if isinstance(value, Path) else value for key, value in given.items()}


def _same_rows(path: Path, old: "Manifest", corpus: "Manifest") -> bool:
    """Return whether the manifest at `path` has these rows; the split may differ.

    Raises:
        ManifestError: it has other rows.
    """
    from medusa.errors import ManifestError
    from medusa.manifests.import_tools.ingest import same_rows

    if same_rows(old, corpus):
        return True
    raise ManifestError(
        f"{path}: already holds another manifest ({old.provenance.get('corpus', 'unknown')}, "
        f"{plural(len(old), 'utterance')}); replace it with --force, or work in another folder "
        "(--workspace)"
    )


def _say_next(corpus: "Manifest") -> None:
    """Print the number of rows without audio, and the usual next command."""
    from medusa.console import say

    silent = int(corpus.frame["content"].isna().sum())
    if silent:
        say(f"{plural(silent, 'utterance has')} no audio; only text backbones can use them")
    if corpus.frame["split"].isna().all():
        by = "" if corpus.frame["speaker"].notna().all() else " --by utterance"
        say(f"next: medusa manifest split random{by}")
