"""Which finished runs an ensemble is made of."""

from collections.abc import Sequence
from pathlib import Path

from medusa.console import say
from medusa.ensemble.members import different_names
from medusa.errors import RunError, listed
from medusa.heads.runs.run_dir import SUMMARY, RunDir, all_runs


def finished_heads(runs: Path) -> list[RunDir]:
    """Return every finished run of kind `head` in a folder, by name; say which are not finished.

    Raises:
        RunError: there is none.
    """
    heads = [run for run in all_runs(runs) if run.config().get("kind") == "head"]
    if unfinished := [run.name for run in heads if not run.finished]:
        say(f"left out, not finished: {listed(unfinished)}")
    if not (finished := [run for run in heads if run.finished]):
        raise RunError(f"{runs}: no finished heads to stack; train some with `medusa fit-head`")
    return finished


def best(runs: Sequence[RunDir], count: int) -> list[RunDir]:
    """Return so many runs, the highest dev scores first.

    Raises:
        RunError: there are not so many, one has no dev score, or the scores are not of one kind.
        RunError: two runs have one name.
    """
    different_names(runs)
    if not 1 <= count <= len(runs):
        raise RunError(f"--top {count}: expected 1 to {len(runs)}, the number of runs")
    scores = {run.name: run.read_json(SUMMARY).get("dev_macro_f1") for run in runs}
    if without := [name for name, score in scores.items() if score is None]:
        raise RunError(f"--top: {listed(without)} have no score on dev; name heads")
    settings = [run.config().get("train", {}) for run in runs]
    kinds = {(one.get("selection"), one.get("per_class")) for one in settings}
    if len(kinds) > 1:
        raise RunError(
            "--top: the dev scores of these runs are not of one kind (train.selection and "
            "train.per_class differ); name the runs to stack"
        )
    return sorted(runs, key=lambda run: -float(scores[run.name] or 0))[:count]
