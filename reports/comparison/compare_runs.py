"""Compare finished runs in pairs, on the same utterances: the function behind `medusa compare`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.ensemble.members import join
from medusa.errors import ConfigError
from medusa.heads.runs.run_dir import find_run
from medusa.manifests import Manifest
from medusa.reports.judged_run import judge_run
from medusa.scoring import SCORES, Truth, holm, paired
from medusa.scoring.pairs import effect_size, kappa, mcnemar
from medusa.workspace import Workspace


@dataclass(frozen=True)
class RunPair:
    """Two runs on the same utterances.

    Attributes:
        first, second: their names.
        difference: the score of the first minus that of the second.
        interval: its 95 % interval. Whole speakers are resampled for both runs alike.
        p: the two-sided p value of no difference, corrected for the number of pairs (Holm).
        effect_size: Cohen's d of the accuracies per speaker, or None; see `scoring.pairs`.
        mcnemar: the p value of McNemar's exact test, corrected for the number of pairs (Holm).
        kappa: the agreement of the two predictions (Cohen), or None.
        right: for each class, the number of utterances that `both`, `only_first`, `only_second` and
            `neither` get right.
        only_first, only_second: the ids of those that only one of the two gets right.
    """

    first: str
    second: str
    difference: float
    interval: tuple[float, float]
    p: float
    effect_size: float | None
    mcnemar: float
    kappa: float | None
    right: dict[str, dict[str, int]]
    only_first: list[str]
    only_second: list[str]


@dataclass(frozen=True)
class RunComparison:
    """Runs, judged on the same utterances.

    Attributes:
        split, utterances: the split and the number of its labelled utterances.
        blocks: the number of speakers, or None if the bootstrap draws utterances.
        score: the score that is compared, a key of `SCORES`.
        runs: the values of `judge_run` for each run, the best first.
        pairs: every pair, in the order of the runs as they were given.
        notes: sentences that a reader must know before believing the numbers.
    """

    split: str
    utterances: int
    blocks: int | None
    score: str
    runs: dict[str, dict[str, Any]]
    pairs: list[RunPair]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def compare_runs(
    workspace: Workspace, runs: Sequence[str], *, split: str = "test", score: str = "macro_f1"
) -> RunComparison:
    """Compare every two of several finished runs.

    Args:
        workspace: the folder with the runs and the manifest on which they were trained.
        runs: the names of at least two runs.
        split: the split to judge on.
        score: the score to compare, a key of `SCORES`.

    Raises:
        ConfigError: there are fewer than two runs, or the score is unknown.
        RunError: a run is missing, or the runs predict different utterances, or no row of the split
            has a label.
    """
    if len(set(runs)) < 2:
        raise ConfigError("expected at least two different runs; name them, as in compare a b")
    if score not in SCORES:
        raise ConfigError(f"score: expected {', '.join(SCORES)}, found {score!r}; choose one")
    folders = [find_run(workspace.runs, name) for name in dict.fromkeys(runs)]
    manifest = Manifest.read(workspace.manifest)
    judged = {run.name: judge_run(run, manifest, split) for run in folders}
    members = join(folders)
    truth = members.truth(manifest)
    rows = (members.splits == split) & truth.labelled
    classes = dict(zip(members.names, members.logits[:, rows].argmax(2), strict=True))
    ids = np.array(members.ids, dtype=object)[rows]
    pairs = [
        _pair(truth.rows(rows), ids, dict(two), members.classes, score)
        for two in combinations(classes.items(), 2)
    ]
    return RunComparison(
        split,
        len(ids),
        judged[folders[0].name]["blocks"],
        score,
        dict(sorted(judged.items(), key=lambda one: -one[1][score])),
        _corrected(pairs),
        list(dict.fromkeys(note for one in judged.values() for note in one["notes"])),
    )


def _pair(
    truth: Truth,
    ids: npt.NDArray[np.object_],
    predicted: Mapping[str, npt.NDArray[np.integer]],
    classes: Sequence[str],
    score: str,
) -> RunPair:
    """Compare two runs; the p values are not yet corrected.

    Args:
        truth: the truth of B labelled utterances.
        ids: (B,) their ids.
        predicted: the class numbers (B,) of each of the two runs, by its name.
        classes: the names of the C classes.
        score: a key of `SCORES`.
    """
    (first, one), (second, other) = predicted.items()
    right, also = one == truth.labels, other == truth.labels
    found = paired(
        truth.labels, one, other, len(classes), truth.blocks, score=SCORES[score].formula
    )
    parts = {
        "both": right & also,
        "only_first": right & ~also,
        "only_second": also & ~right,
        "neither": ~right & ~also,
    }
    numbers = {
        name: {part: int((mask & (truth.labels == row)).sum()) for part, mask in parts.items()}
        for row, name in enumerate(classes)
    }
    return RunPair(
        first,
        second,
        found.value,
        found.interval,
        found.p,
        effect_size(right, also, truth.blocks),
        mcnemar(right, also),
        kappa(one, other, len(classes)),
        numbers,
        ids[parts["only_first"]].tolist(),
        ids[parts["only_second"]].tolist(),
    )


def _corrected(pairs: Sequence[RunPair]) -> list[RunPair]:
    """Correct both kinds of p values for the number of pairs (Holm)."""
    drawn, exact = (holm([getattr(one, name) for one in pairs]) for name in ("p", "mcnemar"))
    return [
        replace(one, p=p, mcnemar=other) for one, p, other in zip(pairs, drawn, exact, strict=True)
    ]
