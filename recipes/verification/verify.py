"""Compare every file of a workspace that carries a checksum with it."""

from collections.abc import Iterator

from medusa.cache.info import folders
from medusa.cache.used import ids
from medusa.cache.verify import verify as store_problems
from medusa.extract.planning.origin import extraction_command
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.runs.run_seal import damages, read_run_seal
from medusa.recipes.verification.files import FOLDS, check_recipes, check_tables
from medusa.recipes.verification.verified import OK, UNFINISHED, UNSEALED, Verified, verified
from medusa.workspace import Workspace


def verify(workspace: Workspace) -> list[Verified]:
    """Compare every file of a workspace that carries a checksum with it.

    Recordings are not read: `medusa manifest audit` compares them with the manifest.

    Args:
        workspace: the workspace.

    Returns:
        The manifest, transcripts and tables of cross-validations, feature stores, runs and
        recipes, in this order.
    """
    return [
        *check_tables(workspace),
        *_stores(workspace),
        *_runs(workspace),
        *check_recipes(workspace),
    ]


def _stores(workspace: Workspace) -> Iterator[Verified]:
    """Check the feature stores, as `medusa cache verify` does."""
    utterances = ids(workspace)
    for path in folders(workspace.features):
        remedy = f"compute it again: {extraction_command(path)}"
        problems = [f"{problem}; {remedy}" for problem in store_problems(path, utterances)]
        yield verified(workspace, path, problems)


def _runs(workspace: Workspace) -> Iterator[Verified]:
    """Check every folder of a run, with those of its folds, and the runs of cross-validations."""
    parents = [workspace.runs, *sorted(workspace.root.glob(f"{FOLDS}/*/runs"))]
    for path in (one for parent in parents for one in sorted(parent.glob("[!.]*")) if one.is_dir()):
        folds = [fold for fold in sorted(path.glob("fold-*")) if fold.is_dir()]
        problems = [problem for one in (path, *folds) for problem in damages(one)]
        if not RunDir(path).finished:
            state = UNFINISHED
        else:
            state = OK if problems or read_run_seal(path) else UNSEALED
        yield verified(workspace, path, problems, otherwise=state)
