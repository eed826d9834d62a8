"""One row for every run of a workspace, with its scores on dev and on test."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from medusa.errors import ConfigError, MedusaError, nearest
from medusa.heads.runs.run_dir import CONFIG, FINISHED, RunDir, all_runs
from medusa.manifests import Manifest
from medusa.scoring import SCORES, Predictions, confusion, truth_of
from medusa.workspace import Workspace

SORTS = ("when", "name", "dev", "test")


@dataclass(frozen=True)
class RunRow:
    """One run of a workspace.

    Attributes:
        name: the name of the run.
        features: the features that a head reads, or the members of an ensemble.
        head: the name of the head's network, or the method of the ensemble.
        dev, test: the macro-F1 on these splits. None if the run is not finished, or the split has
            no labels or no predictions.
        finished: whether the run is finished.
        when: the local time at which it was finished or, if it is not, begun; to the second.
        problem: the reason why the scores are missing, such as a changed manifest; empty if they
            are not.
    """

    name: str
    features: str
    head: str
    dev: float | None
    test: float | None
    finished: bool
    when: str
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def list_runs(workspace: Workspace, sort: str = "when") -> list[RunRow]:
    """Return every head and ensemble of a workspace.

    Args:
        workspace: with its runs and its manifest.
        sort: `when` (the last one first), `name`, or `dev` or `test` (the best one first).

    Raises:
        ConfigError: there is no such order.
        OSError: the folder of the runs cannot be listed.
    """
    if sort not in SORTS:
        raise ConfigError(
            f"--sort {sort!r}{nearest(sort, SORTS)}: expected one of {', '.join(SORTS)}"
        )
    manifest = Manifest.read(workspace.manifest) if workspace.manifest.exists() else None
    rows = [_row(run, manifest) for run in all_runs(workspace.runs)]
    if sort in ("dev", "test"):
        return sorted(rows, key=lambda row: -_known(getattr(row, sort)))
    return sorted(rows, key=lambda row: getattr(row, sort), reverse=sort == "when")


def _known(score: float | None) -> float:
    return -1.0 if score is None else score


def _row(run: RunDir, manifest: Manifest | None) -> RunRow:
    """Return the row of a run; a damaged run has a row with its problem."""
    mark = run.path / (FINISHED if run.finished else CONFIG)
    when = datetime.fromtimestamp(mark.stat().st_mtime).isoformat(" ", "seconds")
    try:
        features, head = _about(run.config())
        scores = _scores(run.predictions(), manifest) if run.finished and manifest else {}
    except MedusaError as problem:
        return RunRow(run.name, "", "", None, None, run.finished, when, str(problem))
    return RunRow(
        run.name, features, head, scores.get("dev"), scores.get("test"), run.finished, when
    )


def _about(config: dict[str, Any]) -> tuple[str, str]:
    """Return the features and the network of a head, or the members and the method of a stack."""
    if config.get("kind") == "stack":
        return ", ".join(str(one["name"]) for one in config["members"]), str(config["method"])
    names = [str(one.get("backbone")) for one in config.get("features", [])]
    return " + ".join(dict.fromkeys(names)), str(config.get("head", {}).get("name", ""))


def _scores(predictions: Predictions, manifest: Manifest) -> dict[str, float]:
    """Return the macro-F1 on dev and on test, as far as they are predicted and have labels."""
    found = dict[str, float]()
    for split in ("dev", "test"):
        frame = predictions.frame
        if not (frame["split"] == split).any():
            continue
        part = predictions.split(split)
        truth = truth_of(manifest, part.ids, part.frame["split"].tolist(), part.classes)
        if truth.labelled.any():
            guessed = part.logits().argmax(1)[truth.labelled]
            matrix = confusion(truth.labels[truth.labelled], guessed, len(part.classes))
            found[split] = float(SCORES["macro_f1"].formula(matrix))
    return found
