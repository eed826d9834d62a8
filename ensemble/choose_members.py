"""Choose the finished runs of which an ensemble is made."""

from collections.abc import Sequence
from pathlib import Path

from medusa.console import say
from medusa.ensemble.members import different_names
from medusa.errors import RunError, listed
from medusa.heads.runs.run_dir import SUMMARY, RunDir, all_runs, find_run


def chosen_members(
    runs: Path, members: Sequence[str | RunDir] = (), top: int | None = None
) -> list[RunDir]:
    """Return the runs to combine.

    Args:
        runs: the folder of all runs.
        members: names, paths or runs; without any, all finished heads of the folder.
        top: keep only this many of them, those with the best scores on dev.

    Raises:
        RunError: a run does not exist or is named twice, there are no finished heads, or see
            `best`.
    """
    named = [one if isinstance(one, RunDir) else find_run(runs, one) for one in members]
    paths = [one.path.resolve() for one in named]
    if twice := {one.name for one in named if paths.count(one.path.resolve()) > 1}:
        raise RunError(f"{listed(sorted(twice))} is named twice; name each run once")
    found = named or finished_heads(runs)
    return found if top is None else best(found, top)


def finished_heads(runs: Path) -> list[RunDir]:
    """Return every finished run of kind `head` in a folder, by name, and report unfinished ones.

    Raises:
        RunError: there are no finished heads.
    """
    heads = [run for run in all_runs(runs) if run.config().get("kind") == "head"]
    if unfinished := [run.name for run in heads if not run.finished]:
        say(f"left out, not finished: {listed(unfinished)}")
    if not (finished := [run for run in heads if run.finished]):
        raise RunError(f"{runs}: no finished heads to stack; train some with `medusa fit-head`")
    return finished


def best(runs: Sequence[RunDir], count: int) -> list[RunDir]:
    """Return the `count` runs with the highest scores on dev, the best first.

    Raises:
        RunError: `count` is not between 1 and the number of runs, two runs have one name, a run
            has no score on dev, or the scores are not of one kind.
    """
    different_names(runs)
    if not 1 <= count <= len(runs):
        raise RunError(f"--top {count}: expected 1 to {len(runs)}, the number of runs")
    scores = {run.name: run.read_json(SUMMARY).get("dev_macro_f1") for run in runs}
    if without := [name for name, score in scores.items() if score is None]:
        raise RunError(
            f"--top: expected runs with a score on dev, but {listed(without)} have no score on "
            "dev; name heads"
        )
    settings = [run.config().get("train", {}) for run in runs]
    kinds = {(one.get("selection"), one.get("per_class")) for one in settings}
    if len(kinds) > 1:
        raise RunError(
            "--top: the dev scores of these runs are not of one kind (train.selection and "
            "train.per_class differ); name the runs to stack"
        )
    return sorted(runs, key=lambda run: -float(scores[run.name] or 0))[:count]
