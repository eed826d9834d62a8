"""The scores of baselines and of one other run on the same utterances, with their differences."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medusa.ensemble.members import align
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.reports.judged_run import judge_run
from medusa.scoring import gains, judging_split

Interval = tuple[float, float]


@dataclass(frozen=True)
class BaselineRow:
    """The scores of one run.

    Attributes:
        run: its name.
        uar, macro_f1: its scores.
        uar_interval, macro_f1_interval: their 95 % intervals.
        gain: the macro-F1 of the compared run minus that of this run: `difference`, `interval` and
            `p`, corrected for the number of baselines. None without a compared run.
    """

    run: str
    uar: float
    uar_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval
    gain: dict[str, Any] | None = None


@dataclass(frozen=True)
class BaselineTable:
    """Baselines, judged on the same utterances.

    Attributes:
        split: `test`, or `dev` if `test` has no labels.
        utterances: the number of labelled ones.
        chance, majority: the `uar` and `macro_f1` of random guesses by the class shares of train,
            and of always choosing the most frequent class.
        compared: the scores of the run to compare with, or None.
        baselines: the baselines, the highest UAR first.
        layers: for each source of several layers, the loss of every layer on training speakers
            that were left out. The layer with the smallest loss is the best one.
        problems: the reason why a baseline was not trained, by its name.
        notes: sentences that a reader must know before believing the numbers.
    """

    split: str
    utterances: int
    chance: dict[str, float]
    majority: dict[str, float]
    compared: BaselineRow | None
    baselines: list[BaselineRow]
    layers: dict[str, dict[str, float]]
    problems: dict[str, str]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def compare_baselines(
    baselines: Sequence[RunDir],
    compared: RunDir | None,
    manifest: Manifest,
    layers: dict[str, dict[str, float]],
    problems: dict[str, str],
) -> BaselineTable:
    """Judge finished runs on `test`, or on `dev` if `test` has no labels.

    Args:
        baselines: the runs of the baselines, at least one.
        compared: another finished run, whose gain over each baseline is tested, or None.
        manifest: the manifest on which all runs were trained.
        layers, problems: fields of the result.

    Raises:
        RunError: the runs predict different utterances, or neither split has a label.
    """
    runs = [*baselines, *([compared] if compared else [])]
    members = align({run.name: run.predictions() for run in runs})
    truth = members.truth(manifest)
    split = judging_split(members.splits, truth)
    rows = (members.splits == split) & truth.labelled
    judged = {run.name: judge_run(run, manifest, split) for run in runs}
    found = dict[str, dict[str, Any]]()
    if compared:
        classes = dict(zip(members.names, members.logits[:, rows].argmax(2), strict=True))
        own = classes.pop(compared.name)
        tested = gains(truth.rows(rows), own, classes, len(members.classes))
        found = {gain.pop("of"): gain for gain in tested}
    table = [_row(judged[run.name], found.get(run.name)) for run in baselines]
    first = judged[runs[0].name]
    base = {kind: {key: first["baselines"][key][kind] for key in SCORES_SHOWN} for kind in LEVELS}
    return BaselineTable(
        split,
        first["n"],
        base["chance"],
        base["majority"],
        _row(judged[compared.name]) if compared else None,
        sorted(table, key=lambda row: -row.uar),
        layers,
        problems,
        list(dict.fromkeys(note for one in judged.values() for note in one["notes"])),
    )


LEVELS = ("chance", "majority")
SCORES_SHOWN = ("uar", "macro_f1")


def _row(judged: dict[str, Any], gain: dict[str, Any] | None = None) -> BaselineRow:
    """Return the row of a run from the values of `judge_run`."""
    low_high = {key: (pair[0], pair[1]) for key, pair in judged["interval"].items()}
    return BaselineRow(
        judged["run"],
        judged["uar"],
        low_high["uar"],
        judged["macro_f1"],
        low_high["macro_f1"],
        gain,
    )
