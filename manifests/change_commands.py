"""`medusa manifest split`, `relabel` and `merge`: what changes a manifest after its import."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.errors import MedusaError, listed, plural
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
        changed = splits.own(corpus, _pairs(rename or ""))
        return _write(path, changed, changed.frame["split"].equals(corpus.frame["split"]))
    if corpus.provenance.get("split") == wanted and not force:
        return _write(path, corpus, True)
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
    _write(path, corpus, False)


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
    """Raise a SplitError where an option would be ignored."""
    from medusa.manifests.splits.by_share import SplitError

    groups = folds is not None or leave_out
    if (folds is None) != (fold is None) or (folds is not None and leave_out):
        raise SplitError("--folds K goes with --fold k, and without --leave-out")
    if groups and (keep_test or by != "speaker"):
        option = "--keep-test" if keep_test else f"--by {by}"
        raise SplitError(f"{option} does not go with --leave-out or --folds, which choose the test "
                         "split anew and dev by speaker; drop one of the two")  # fmt: skip
    if of != "speaker" and not groups:
        raise SplitError(f"--of {of} says what --leave-out or --folds take; give one of them "
                         "(--leave-out NAME, or --folds K --fold k), or drop --of")  # fmt: skip
    if rename is not None and by != "corpus":
        raise SplitError("--rename gives new names to the parts of the corpus's own partition; "
                         "add --by corpus, or drop --rename")  # fmt: skip
    drawn = [name for name in ("seed", "dev", "test", "keep_test") if name in given]
    if by == "corpus" and drawn:
        option = f"--{drawn[0].replace('_', '-')}"
        raise SplitError(f"{option} does not go with --by corpus, whose own partition draws "
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


def _pairs(text: str, form: str = "OLD=NEW,OLD=NEW") -> dict[str, str]:
    """Read a list of this form."""
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(equals for _, equals, _ in parts):
        raise MedusaError(f"expected {form} and got {text!r}")
    return {old.strip(): new.strip() for old, _, new in parts}


def _write(path: Path, corpus: "Manifest", same: bool) -> None:
    """Write the manifest, unless it is the same, and show its table."""
    from medusa.console import say, table
    from medusa.manifests.overview import table_rows

    if same:
        say(f"{path}: already like this; nothing to do")
    else:
        corpus.write(path)
        say(f"wrote {path}")
    table(*table_rows(corpus))


def _show(corpus: "Manifest") -> None:
    from medusa.console import say, table
    from medusa.errors import listed
    from medusa.manifests.overview import speakers_by_split, speakers_rows

    table(*speakers_rows(corpus))
    for name, speakers in speakers_by_split(corpus).items():
        say(f"speakers in {name}: {listed(speakers, 12) or 'unknown'}")


@click.command()
@click.option(
    "--classes",
    metavar="SCHEME",
    required=True,
    help="msp-8, six, four, iemocap-6, or classes in order, words merged with + and named after =: "
    "angry,happy+excited=happy,sad,neutral.",
)
@click.option(
    "--soft",
    type=click.Choice(["primary", "primary+secondary"]),
    default="primary",
    show_default=True,
    help="Which votes the soft label counts.",
)
@click.option(
    "--other",
    type=click.Choice(["drop", "ninth-class"]),
    default="drop",
    show_default=True,
    help="Votes for no class: not counted, or a class of their own, `other`, the last.",
)
@click.option(
    "--all-other",
    type=click.Choice(["drop", "uniform"]),
    default="drop",
    show_default=True,
    help="Rows whose every vote is for no class: no label, or all classes alike.",
)
@click.option("--name", help="The scheme's name.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write another manifest, in the same folder, and leave this one as it is.",
)
@click.pass_obj  # fmt: skip
def relabel(
    workspace: Path,
    classes: str,
    soft: str,
    other: str,
    all_other: str,
    name: str | None,
    output: Path | None,
) -> None:
    """Change the classes without importing again; no row is dropped.

    Votes are counted again under the new scheme. Without votes, labels and soft labels are mapped;
    plain labels are kept as votes, so that they can be changed back.
    """
    from medusa.manifests.labels.schemes import Rules, parse
    from medusa.manifests.labels.schemes import relabel as change
    from medusa.manifests.manifest import Manifest, ManifestError
    from medusa.workspace import Workspace

    path = Workspace.open(workspace).manifest
    corpus = Manifest.read(path)
    changed = change(corpus, parse(classes, name or ""), Rules(soft, other, all_other))
    target = output or path
    if target.parent.resolve() != path.parent.resolve():
        raise ManifestError(f"{target}: paths in a manifest are relative to its folder; "
                            f"write it into {path.parent}")  # fmt: skip
    same = (
        output is None and changed.scheme == corpus.scheme and changed.digest() == corpus.digest()
    )
    _write(target, changed, same)


@click.command()
@click.argument("parts", nargs=-1, required=True, metavar="NAME=MANIFEST...")
@force_option("Replace the manifest that is there.")
@click.pass_obj
def merge(workspace: Path, parts: tuple[str, ...], force: bool) -> None:
    """Write one manifest of several that have the same classes.

    Each part is NAME=MANIFEST; ids and speakers become NAME/ID. Splits stay as they are; leave a
    whole corpus out with `medusa manifest split --leave-out NAME --of corpus --force`.
    """
    from medusa.manifests.manifest import Manifest, ManifestError
    from medusa.manifests.merge import merge as join
    from medusa.workspace import Workspace

    path = Workspace.open(workspace).manifest
    named = _pairs(",".join(parts), "NAME=MANIFEST ...")
    absent = [file for file in named.values() if not Path(file).is_file()]
    if absent:
        raise ManifestError(f"{listed(absent)}: no such file; expected NAME=MANIFEST ...")
    merged = join({name: Manifest.read(Path(file)) for name, file in named.items()}, path.parent)
    same = path.exists() and Manifest.read(path).digest() == merged.digest()
    if path.exists() and not (same or force):
        raise ManifestError(f"{path}: already holds another manifest; replace it with --force")
    _write(path, merged, same)


@click.command(short_help="Write the manifest for other tools.")
@click.argument(
    "form", metavar="FORMAT", type=click.Choice(["csv", "lhotse", "audformat", "datasets"])
)
@click.argument("target", type=click.Path(path_type=Path))
@force_option("Replace the file, or an earlier export.")
@click.pass_obj
def export(workspace: Path, form: str, target: Path, force: bool) -> None:
    """Write the manifest for other tools: FORMAT is csv, lhotse, audformat or datasets.

    TARGET is a file for csv, else a folder. Recordings stay where they are and are named by their
    path. `medusa manifest import FORMAT TARGET` reads each of them back.
    """
    from medusa.console import say
    from medusa.manifests.export import export as write
    from medusa.manifests.manifest import Manifest
    from medusa.workspace import Workspace

    corpus = Manifest.read(Workspace.open(workspace).manifest)
    write(corpus, form, target, force)
    say(f"wrote {target}: {plural(len(corpus), 'utterance')} as {form}")
