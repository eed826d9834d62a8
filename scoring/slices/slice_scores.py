"""Every group of utterances is judged, and compared with the rest."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from medusa.scoring.metrics import SCORES, Floats, Ints
from medusa.scoring.resampling import interval, resampled_counts
from medusa.scoring.significance import holm, two_sided
from medusa.scoring.slices.fairness import fairness
from medusa.scoring.slices.groups import Groups
from medusa.scoring.truth import Truth

FEWEST, MOST_GROUPS = 10, 60
SCORE = "macro_f1"
FAIR = ("gender", "language")


def slice_scores(truth: Truth, predicted: Ints, groups: Groups, classes: int) -> dict[str, Any]:
    """Return the macro-F1 of every group with at least 10 utterances, and its distance to the rest.

    Speakers are resampled whole, as in `resampling`, if every judged group has several speakers.
    Otherwise utterances are resampled.

    Args:
        truth: the truth of B labelled utterances.
        predicted: (B,) predicted class numbers.
        groups: for each respect, the group of every utterance, or None.
        classes: C.

    Returns:
        `rows`, for each group `by` (the respect), `group`, `n`, `speakers`, `value`, `interval`,
        `difference` (the value minus that of all other utterances whose group is known),
        `difference_interval`, and `p`, corrected for the number of groups (Holm); and `fairness`,
        the gaps between genders and languages, see `fairness`. Of a respect with more than 60
        groups, the largest are judged.
    """
    rows: list[dict[str, Any]] = []
    gaps: dict[str, Any] = {}
    for by, names in groups.items():
        kept = _large(names)
        if len(kept) < 2:
            continue
        known = np.array([name is not None for name in names])
        part, number = truth.rows(known), {name: row for row, name in enumerate(kept)}
        group = np.array([number.get(name, len(kept)) for name in names if name is not None])
        matrices = _matrices(part, predicted[known], group, len(kept), classes)
        speakers = np.array(part.speakers, dtype=object)
        for row, name in sorted(enumerate(kept), key=lambda one: _by_number(one[1])):
            found = _against_the_rest(matrices[:, row], matrices.sum(1) - matrices[:, row])
            own = len({*speakers[group == row]} - {None}) or None
            rows.append({"by": by, "group": name, "speakers": own} | found)
        if by in FAIR:
            gaps[by] = fairness(matrices[:, : len(kept)], kept)
    for line, p in zip(rows, holm([line["p"] for line in rows]), strict=True):
        line["p"] = p
    return {"rows": rows, "fairness": gaps}


def _by_number(name: str) -> tuple[bool, float, str]:
    """Return the key that sorts `6 – 7 words` before `11 – 12 words`; names come after numbers."""
    first = re.match(r"\d+(\.\d+)?", name)
    return (first is None, float(first[0]) if first else 0.0, name)


def _large(names: Sequence[str | None]) -> list[str]:
    """Return the groups with enough utterances, in order of their names, at most the 60 largest."""
    present, counts = np.unique([name for name in names if name is not None], return_counts=True)
    order = sorted(zip(-counts, present.tolist(), strict=True))[:MOST_GROUPS]
    return sorted(str(name) for count, name in order if -count >= FEWEST)


def _matrices(truth: Truth, predicted: Ints, group: Ints, judged: int, classes: int) -> Floats:
    """Return the confusion matrices (1 + draws, G, C, C) of all groups; the first is observed.

    The first `judged` groups decide whether speakers are resampled whole.
    """
    count = int(group.max()) + 1
    kinds = (group * classes + truth.labels) * classes + predicted
    blocks = truth.blocks
    if blocks is not None:
        speakers = [len({blocks[row] for row in np.flatnonzero(group == g)}) for g in range(judged)]
        blocks = blocks if min(speakers) > 1 else None
    drawn = resampled_counts(kinds, count * classes**2, blocks)
    observed = np.bincount(kinds, minlength=count * classes**2)[None]
    return np.concatenate([observed, drawn]).reshape(-1, count, classes, classes)


def _against_the_rest(own: Floats, rest: Floats) -> dict[str, Any]:
    """Return the values of one group from matrices (1 + draws, C, C) of it and of the rest."""
    drawn = (own.sum((1, 2)) > 0) & (rest.sum((1, 2)) > 0)
    formula = SCORES[SCORE].formula
    values = formula(own[drawn])
    differences = values - formula(rest[drawn])
    return {
        "n": int(own[0].sum()),
        "value": float(values[0]),
        "interval": list(interval(values[1:])),
        "difference": float(differences[0]),
        "difference_interval": list(interval(differences[1:])),
        "p": two_sided(differences[1:]),
    }
