"""`medusa manifest import` has one command per corpus, with the options of its importer."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.errors import plural

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
@click.option(
    "--drop-bad-audio",
    is_flag=True,
    help="If a recording is missing, unreadable or truncated, keep its utterances without audio. "
    "The option stands before CORPUS.",
)
@click.pass_context
def import_(ctx: click.Context, drop_bad_audio: bool) -> None:
    """Read a corpus and write manifest.parquet.

    ROOT is the folder or the file of the corpus. Each corpus has its own options, which
    `medusa manifest import CORPUS --help` lists.
    """
    ctx.meta["drop_bad_audio"] = drop_bad_audio


def _import_command(name: str, importer: "Importer") -> click.Command:
    """Return the command that imports one corpus."""

    @click.pass_context
    def run(ctx: click.Context, /, root: Path, **options: Any) -> None:
        _import(ctx.obj, name, root, drop_bad_audio=ctx.meta["drop_bad_audio"], **options)

    shared = [
        click.Argument(["root"], type=click.Path(exists=True, path_type=Path)),
        *importer.OPTIONS,
        click.Option(["--force"], is_flag=True, help="Replace a manifest that has other rows."),
    ]
    return click.Command(name, callback=run, params=shared, help=importer.__doc__)


def _import(workspace: Path, corpus: str, root: Path, /, **options: Any) -> None:
    """Import the corpus, and print a table of it."""
    from medusa.console import table
    from medusa.manifests.import_corpus import import_corpus
    from medusa.manifests.import_tools import tally
    from medusa.manifests.overview import table_rows
    from medusa.workspace import Workspace

    result = import_corpus(Workspace.open(workspace), corpus, root, **options)
    if not result.written:
        return
    lines = result.manifest.provenance["import"]
    if any(line["dropped"] or line["note"] for line in lines):
        table(*tally.table_rows(lines), title="found in the corpus")
    table(*table_rows(result.manifest), title="contents of the manifest")
    _say_next(result.manifest)


def _say_next(corpus: "Manifest") -> None:
    """Print the number of rows without audio, the unused columns, and the usual next command."""
    from medusa.console import say
    from medusa.manifests.import_tools.unused_columns import MAY_BE_SPEAKERS, sentences

    for sentence in sentences(corpus.provenance):
        say(sentence)
    if not corpus.scheme.classes:
        say(
            "the corpus has no labels; if a column has them, import again with "
            "--columns label=COLUMN --force"
        )
    silent = int(corpus.frame["content"].isna().sum())
    if silent:
        say(f"{plural(silent, 'utterance has')} no audio; only text backbones can use them")
    if not corpus.scheme.classes:
        say("next: medusa extract --backbone NAME, or medusa predict MODEL with these recordings")
    elif corpus.frame["split"].notna().any():
        say("next: medusa manifest audit")
    elif corpus.frame["speaker"].notna().all():
        say("next: medusa manifest split random")
    elif corpus.provenance.get(MAY_BE_SPEAKERS):
        say("next: name the column of the speakers; a split needs them to be unbiased")
    else:
        say("next: medusa manifest split random --by utterance")
