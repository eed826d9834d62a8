"""The recorded facts about a run: data, splits, features, settings, trials, hardware and scores."""

from collections.abc import Iterator
from typing import Any

from medusa.ensemble.apply import members_of
from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import ENVIRONMENT, SUMMARY, RunDir, all_runs
from medusa.inference.bundle.facts import data_facts
from medusa.inference.card.card_features import card_features
from medusa.manifests import Manifest
from medusa.reports.judged_run import judge_run
from medusa.workspace import Workspace


def card_facts(run: RunDir, workspace: Workspace, split: str = "test") -> dict[str, Any]:
    """Return everything that `card_text` writes, with no path and no name of a recording.

    Args:
        run: a finished head or stack.
        workspace: its workspace.
        split: the split on which it is judged.

    Raises:
        RunError: the run or a member is not finished or was replaced, the run does not predict the
            split, no row of the split has a label, or the manifest has changed since the training.
    """
    manifest = Manifest.read(workspace.manifest)
    parts = list(_with_members(run))
    heads = [one for one in parts if one.config().get("kind") != "stack"]
    return {
        "run": run.name,
        "config": run.config(),
        "digest": run.digest(),
        "data": data_facts(manifest),
        "manifest": manifest.digest(),
        "split_choices": manifest.provenance.get("split") or {},
        "raters": _raters(manifest),
        "heads": [_head(one) for one in heads],
        "features": card_features([one.config() for one in heads], workspace),
        "trials": _trials(run, workspace),
        "environments": [one.read_json(ENVIRONMENT) for one in parts],
        "scores": judge_run(run, manifest, split),
    }


def _with_members(run: RunDir) -> Iterator[RunDir]:
    """Yield a run, and all runs below it."""
    yield run
    if run.config().get("kind") == "stack":
        for member in members_of(run):
            yield from _with_members(member)


def _raters(manifest: Manifest) -> dict[str, Any] | None:
    """Return the number of votes and of utterances with votes, or None without votes."""
    if manifest.votes is None:
        return None
    return {"votes": len(manifest.votes), "utterances": int(manifest.votes["id"].nunique())}


def _head(run: RunDir) -> dict[str, Any]:
    """Return the settings and the costs of one head."""
    config, summary = run.config(), run.read_json(SUMMARY)
    kept = ("best_at", "parameters", "steps", "seconds", "device", "notes")
    return {"name": run.name, "config": config} | {key: summary.get(key) for key in kept}


def _trials(run: RunDir, workspace: Workspace) -> dict[str, int]:
    """Count the finished runs of the workspace that were trained on the manifest of this run."""
    counts = {"head": 0, "stack": 0, "unfinished": 0}
    wanted = run.config().get("manifest")
    for other in all_runs(workspace.runs):
        try:
            config = other.config()
        except MedusaError:  # A damaged run was a trial, too.
            counts["unfinished"] += 1
            continue
        if config.get("manifest") == wanted:
            kind = "stack" if config.get("kind") == "stack" else "head"
            counts[kind if other.finished else "unfinished"] += 1
    return counts
