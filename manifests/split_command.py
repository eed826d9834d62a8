"""`medusa manifest split` divides the utterances into train, dev and test, in one of five ways."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.errors import ManifestError, listed
from medusa.manifests.pairs import pairs
from medusa.manifests.write_changed import changing, write_changed
from medusa.options import force_option, seed_option

if TYPE_CHECKING:
    from medusa.manifests.splits.plan import SplitPlan

DEV = click.option("--dev", type=float, default=0.2, show_default=True, help="The share of dev.")
SEED = seed_option("A different seed gives a different split.")
FORCE = force_option("Replace the present split.")
OF = click.option(
    "--of",
    metavar="GROUP",
    default="speaker",
    show_default=True,
    help="The kind of group: speaker, session, corpus, or a regular expression on ids.",
)


@click.group()
def split() -> None:
    """Divide the utterances into train, dev and test.

    Rows of one recording are in one split, near copies included. The manifest keeps the choices,
    and the same choices give the same split. A manifest has one split; `medusa cross-validate` runs
    all folds.
    """


@split.command()
@click.option(
    "--by",
    type=click.Choice(["speaker", "utterance"]),
    default="speaker",
    show_default=True,
    help="By speaker, no speaker is in two splits. By utterance, each class is divided by the "
    "shares, and a speaker may be in several splits.",
)
@DEV
@click.option("--test", type=float, default=0.2, show_default=True, help="The share of test.")
@click.option(
    "--keep-test",
    is_flag=True,
    help="Keep the present test split in place of drawing one; --dev is a share of the other rows.",
)
@SEED
@FORCE
@click.pass_obj
def random(
    workspace: Path, by: str, dev: float, test: float, keep_test: bool, seed: int, force: bool
) -> None:
    """Draw the splits at random, by their shares.

    Many random splits are tried, and the split that is closest to the shares is kept: to the shares
    of the rows, of every class, and of genders if they are known. If a split lacks a class,
    speakers are exchanged until every split has it, as far as the speakers allow.
    """
    from medusa.manifests.splits.plan import SplitPlan

    plan = SplitPlan(by, seed, dev, None if keep_test else test, "test" if keep_test else "")
    _divide(workspace, plan, force)


@split.command()
@click.option("--dev", type=float, default=0.1, show_default=True, help="The share of dev.")
@SEED
@FORCE
@click.pass_obj
def in_house(workspace: Path, dev: float, seed: int, force: bool) -> None:
    """Divide the corpus's train and dev again, 90 to 10 by speaker.

    All other parts of the corpus are kept. Rows without a speaker go to train.
    """
    from medusa.manifests.splits.plan import SplitPlan

    _divide(workspace, SplitPlan("in-house", seed, dev), force)


@split.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@OF
@DEV
@SEED
@FORCE
@click.pass_obj
def leave_out(
    workspace: Path, names: tuple[str, ...], of: str, dev: float, seed: int, force: bool
) -> None:
    """Make the named speakers, sessions or corpora the test split.

    Dev is a share of the other speakers.
    """
    from medusa.manifests.splits.plan import SplitPlan

    _divide(workspace, SplitPlan("leave-out", seed, dev, names, of=of), force)


@split.command()
@click.argument("fold", metavar="k/K")
@OF
@DEV
@SEED
@FORCE
@click.pass_obj
def fold(workspace: Path, fold: str, of: str, dev: float, seed: int, force: bool) -> None:
    """Make one of K folds the test split.

    The speakers, sessions or corpora are divided into K folds of similar size; `fold 1/5` makes the
    first of five folds the test split. Dev is a share of the other speakers.
    """
    from medusa.manifests.splits.plan import SplitPlan

    number, _, folds = fold.partition("/")
    if not (number.isdecimal() and folds.isdecimal()):
        raise ManifestError(f"fold {fold}: expected k/K, such as 1/5 for the first of five folds")
    plan = SplitPlan("folds", seed, dev, of=of, fold=int(number), folds=int(folds))
    _divide(workspace, plan, force)


@split.command()
@click.option("--rename", metavar="OLD=NEW,...", default="", help="New names of its parts.")
@click.pass_obj
def corpus(workspace: Path, rename: str) -> None:
    """Use the corpus's own partition.

    Its parts may get new names. An empty new name, as in `--rename Test3=`, takes the rows out of
    every split.
    """
    from medusa.manifests.manifest import Manifest
    from medusa.manifests.splits.plan import own
    from medusa.workspace import Workspace

    path = Workspace.open(workspace).manifest
    with changing(path):
        present = Manifest.read(path)
        names = pairs(rename, "--rename OLD=NEW,OLD=NEW", may_be_empty=True)
        changed = own(present, names)
        same = changed.frame["split"].equals(present.frame["split"])
        same &= changed.provenance.get("near_copies") == present.provenance.get("near_copies")
        write_changed(path, changed, same)


@split.command()
@click.pass_obj
def show(workspace: Path) -> None:
    """Show the classes of each split, with rows and speakers."""
    from medusa.console import say, table
    from medusa.manifests.manifest import Manifest
    from medusa.manifests.overview import speakers_by_split, speakers_rows
    from medusa.workspace import Workspace

    present = Manifest.read(Workspace.open(workspace).manifest)
    table(*speakers_rows(present))
    for name, speakers in speakers_by_split(present).items():
        say(f"speakers in {name}: {listed(speakers, 12) or 'unknown'}")


def _divide(root: Path, plan: "SplitPlan", force: bool) -> None:
    """Divide the manifest by the plan, and print its table."""
    from medusa.console import say
    from medusa.manifests.manifest import Manifest
    from medusa.manifests.splits.plan import split_corpus
    from medusa.manifests.write_changed import show_changed
    from medusa.workspace import Workspace

    workspace = Workspace.open(root)
    changed = split_corpus(workspace, plan, force=force)
    show_changed(workspace.manifest, Manifest.read(workspace.manifest), not changed)
    say("next: medusa manifest audit")
