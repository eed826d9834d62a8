"""The command `medusa cache verify`, which checks stores and also needs the encoders."""

from pathlib import Path

import click

from medusa.options import text_option

MAX_SHOWN = 20  # the problems in one message


@click.command(short_help="Compare every stored byte with its checksum.")
@click.argument("names", nargs=-1, metavar="[STORE]...")
@click.option(
    "--recompute",
    type=click.IntRange(min=1),
    metavar="N",
    help="Extract N utterances again and report the largest difference.",
)
@click.option("--checkpoint", metavar="PATH", help="The folder or file with the weights now.")
@text_option("The texts of text features; see `medusa extract`.")
@click.pass_obj
def verify(
    root: Path,
    names: tuple[str, ...],
    recompute: int | None,
    checkpoint: str | None,
    text: str | None,
) -> None:
    """Compare every stored byte with the checksums from the extraction."""
    from medusa.cache.info import find, folders
    from medusa.cache.store import FeatureStore
    from medusa.cache.used import ids
    from medusa.cache.verify import verify as check
    from medusa.console import say
    from medusa.errors import StoreError, plural
    from medusa.workspace import Workspace

    workspace = Workspace.open(root)
    paths = [find(workspace.features, name) for name in names] or folders(workspace.features)
    if not paths:
        say(f"{workspace.features}: no features yet; see `medusa extract --help`")
    utterances = ids(workspace, text)
    problems, damaged = [], []
    for path in paths:
        path_problems = check(path, utterances)
        count = plural(len(path_problems), "problem") if path_problems else "no problems"
        say(f"{path.stem}: {count}")
        problems += path_problems
        damaged += [path] if path_problems else []
    if problems:
        more = [f"and {len(problems) - MAX_SHOWN} more"] if len(problems) > MAX_SHOWN else []
        lines = "\n  ".join(["damaged features:", *problems[:MAX_SHOWN], *more])
        from medusa.extract.planning.origin import extraction_command

        commands = "; ".join(dict.fromkeys(extraction_command(path) for path in damaged))
        raise StoreError(f"{lines}\ncompute them again with the original options: {commands}")
    if recompute:
        from medusa.extract.passes.recompute import recompute as compare

        for path in paths:
            store = FeatureStore.open(path)
            comparison = compare(workspace, store, recompute, "auto", checkpoint, text)
            drawn = plural(comparison.utterances, "utterance")
            click.echo(
                f"{path.stem}: {drawn} computed again, largest difference "
                f"{comparison.largest:.3g} ({comparison.relative:.2g} standard deviations), "
                f"in {comparison.worst}"
            )
