"""`medusa manifest split`: divide the utterances into train, dev and test."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.manifests.write_changed import pairs, write_changed
from medusa.options import force_option, seed_option

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest


@click.command()
@click.option(
    "--by",
    type=click.Choice(["speaker", "utterance", "in-house", "corpus"]),
    default="speaker",
    show_default=True,
    help="speaker: no speaker is in two splits. utterance: each class is shared out, and speakers "
    "may be in several splits. in-house: 90-10 of train and dev, by speaker, the corpus's other "
    "parts kept. corpus: its own partition, with --rename.",
)
@seed_option("Another seed, another split.")
@click.option("--dev", type=float, help="The share of dev.  [default: 0.2; in-house: 0.1]")
@click.option("--test", type=float, default=0.2, show_default=True, help="The share of test.")
@click.option(
    "--keep-test",
    is_flag=True,
    help="Leave the rows of the present test split alone; take dev from the others.",
)
@click.option(
    "--leave-out",
    metavar="NAME",
    multiple=True,
    help="Make this speaker (or session, corpus: --of) the test split; may be repeated.",
)
@click.option("--folds", type=int, metavar="K", help="Deal the groups (--of) into K folds ...")
@click.option("--fold", type=int, metavar="k", help="... and make the k-th (from 1) the test.")
@click.option(
    "--of",
    metavar="GROUP",
    default="speaker",
    show_default=True,
    help="What is left out: speaker, session, corpus, or a regular expression on ids.",
)
@click.option("--rename", metavar="OLD=NEW,...", help="With --by corpus: names of its parts.")
@click.option("--show", is_flag=True, help="Only show the split: classes, rows and speakers.")
@force_option("Replace the split that is there.")
@click.pass_obj  # fmt: skip
def split(
    workspace: Path,
    by: str,
    seed: int,
    dev: float | None,
    test: float,
    keep_test: bool,
    leave_out: tuple[str, ...],
    folds: int | None,
    fold: int | None,
    of: str,
    rename: str | None,
    show: bool,
    force: bool,
) -> None:
    """Divide the utterances into train, dev and test.

    Many random splits are tried, and the one closest to the shares asked for is kept: of rows, of
    every class, and of genders where they are known. With --leave-out, or --folds K --fold k, whole
    groups are the test split and dev is a share of the others' speakers; do it once per fold, in a
    workspace each.
    """
    from medusa.console import given
    from medusa.manifests.manifest import Manifest
    from medusa.manifests.splits import by_share as splits
    from medusa.manifests.splits.folds import fold_names, split_off
    from medusa.workspace import Workspace

    path = Workspace.open(workspace).manifest
    corpus = Manifest.read(path)
    if show:
        return _show(corpus)
    dev = dev if dev is not None else 0.1 if by == "in-house" else 0.2
    _refuse(by, keep_test, leave_out, folds, fold, of, rename, given(click.get_current_context()))
    wanted = _wanted(by, seed, dev, test, keep_test, leave_out, folds, fold, of)
    if by == "corpus":
        changed = splits.own(corpus, pairs(rename or ""))
        return write_changed(path, changed, changed.frame["split"].equals(corpus.frame["split"]))
    if corpus.provenance.get("split") == wanted and not force:
        return write_changed(path, corpus, True)
    made = corpus.provenance.get("split")
    own = isinstance(made, dict) and made.get("by") == "corpus"
    if not force and not (by == "in-house" and own):
        splits.refuse_to_replace(corpus, keep_test)
    if folds is not None and fold is not None:
        leave_out = tuple(fold_names(corpus, fold, folds, of, seed))
    if leave_out:
        corpus = split_off(corpus, leave_out, of, dev, seed, wanted)
    else:
        corpus = splits.split(corpus, by, seed, dev, test, keep_test)
    write_changed(path, corpus, False)


def _refuse(
    by: str,
    keep_test: bool,
    leave_out: tuple[str, ...],
    folds: int | None,
    fold: int | None,
    of: str,
    rename: str | None,
    given: list[str],
) -> None:
    """Raise a ManifestError where an option would be ignored."""
    from medusa.errors import ManifestError

    groups = folds is not None or leave_out
    if (folds is None) != (fold is None) or (folds is not None and leave_out):
        raise ManifestError("--folds K goes with --fold k, and without --leave-out")
    if groups and (keep_test or by != "speaker"):
        option = "--keep-test" if keep_test else f"--by {by}"
        raise ManifestError(
            f"{option} does not go with --leave-out or --folds, which choose the test "
            "split anew and dev by speaker; drop one of the two"
        )
    if of != "speaker" and not groups:
        raise ManifestError(f"--of {of} says what --leave-out or --folds take; give one of them "
                         "(--leave-out NAME, or --folds K --fold k), or drop --of")  # fmt: skip
    if rename is not None and by != "corpus":
        raise ManifestError("--rename gives new names to the parts of the corpus's own partition; "
                         "add --by corpus, or drop --rename")  # fmt: skip
    drawn = [name for name in ("seed", "dev", "test", "keep_test") if name in given]
    if by == "corpus" and drawn:
        option = f"--{drawn[0].replace('_', '-')}"
        raise ManifestError(f"{option} does not go with --by corpus, whose own partition draws "
                         f"nothing; drop {option}")  # fmt: skip


def _wanted(
    by: str,
    seed: int,
    dev: float,
    test: float,
    keep_test: bool,
    leave_out: tuple[str, ...],
    folds: int | None,
    fold: int | None,
    of: str,
) -> dict[str, object]:
    """Return what provenance will say about the split."""
    from medusa.manifests.splits.by_share import choices

    if folds is not None:
        return {"by": "folds", "of": of, "fold": fold, "folds": folds, "dev": dev, "seed": seed}
    if leave_out:
        return {"by": "leave-out", "of": of, "test": [*leave_out], "dev": dev, "seed": seed}
    return choices(by, seed, dev, test, keep_test)


def _show(corpus: "Manifest") -> None:
    from medusa.console import say, table
    from medusa.errors import listed
    from medusa.manifests.overview import speakers_by_split, speakers_rows

    table(*speakers_rows(corpus))
    for name, speakers in speakers_by_split(corpus).items():
        say(f"speakers in {name}: {listed(speakers, 12) or 'unknown'}")
