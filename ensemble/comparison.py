"""An ensemble beside its members, on the same utterances."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.ensemble.members import Members
from medusa.ensemble.stackers import Answer, StackError
from medusa.ensemble.voting import VOTES
from medusa.scoring import metrics
from medusa.scoring import resampling as bootstrap
from medusa.scoring.significance import holm, paired
from medusa.scoring.truth import UNLABELLED, Truth

KINDS = ("member", "vote", "single", "stacker", "soup")
SOUP_NAMES = {
    "uniform": "linear, soup of {}",
    "greedy": "linear, greedy soup of {}",
    "none": "linear, the first of {}",
}
JUDGES = ("test", "dev")  # the first of these that has labels judges


def judging_split(members: Members, truth: Truth) -> str:
    """Return `test` where it has labels, else `dev`.

    Raises:
        StackError: neither has a label.
    """
    labelled = set(members.splits[truth.labels != UNLABELLED].tolist())
    for name in JUDGES:
        if name in labelled:
            return name
    raise StackError(f"no row of split {' or '.join(JUDGES)} has a label to judge by")


def compare(
    members: Members,
    truth: Truth,
    answer: Answer,
    split: str,
    method: str = "",
    soup: str = "uniform",
) -> list[dict[str, Any]]:
    """Judge every member, the votes and, where one learnt, the stacker: its seeds and its soup.

    Args:
        members: M runs.
        truth: about the same utterances.
        answer: what the stacker said.
        split: the split to judge on; rows without a consensus are left out.
        method: what to call a stacker that is neither a vote nor linear.
        soup: how linear's seeds became one, a name in `SOUP_NAMES`.

    Returns:
        One row each, the best first within its kind: name, kind (one of `KINDS`), macro_f1,
        accuracy, uar and interval, the 95 % interval of the macro-F1.
    """
    rows = (members.splits == split) & (truth.labels != UNLABELLED)
    posteriors = members.posteriors[:, rows]
    entries = [
        (name, "member", [said]) for name, said in zip(members.names, posteriors, strict=True)
    ]
    entries += [(f"{name} vote", "vote", [vote(posteriors)]) for name, vote in VOTES.items()]
    if seeds := len(answer.singles):
        kind = "stacker" if soup == "none" else "soup"
        entries += [
            ("linear, one seed", "single", [*answer.singles[:, rows]]),
            (SOUP_NAMES[soup].format(seeds), kind, [answer.logits[rows]]),
        ]
    elif answer.weights:
        entries.append((method, "stacker", [answer.logits[rows]]))
    judged = truth.rows(rows)
    lines = [{"name": name, "kind": kind} | _scores(said, judged) for name, kind, said in entries]
    return sorted(lines, key=lambda line: (KINDS.index(line["kind"]), -line["macro_f1"]))


def ahead(members: Members, truth: Truth, answer: Answer, split: str) -> list[dict[str, Any]]:
    """Say how far the answer is ahead of every member and vote, and whether by chance.

    Args:
        members, truth, answer, split: see `compare`.

    Returns:
        One row each: `of` (a name in `compare`), difference of the macro-F1, its 95 % interval,
        and p, two-sided and corrected for the number of rows.
    """
    rows = (members.splits == split) & (truth.labels != UNLABELLED)
    posteriors, judged = members.posteriors[:, rows], truth.rows(rows)
    others = dict(zip(members.names, posteriors, strict=True))
    said = {name: scores.argmax(1) for name, scores in others.items()}
    said |= {f"{name} vote": vote(posteriors).argmax(1) for name, vote in VOTES.items()}
    own, classes = answer.logits[rows].argmax(1), len(members.classes)
    found = [paired(judged.labels, own, one, classes, judged.blocks) for one in said.values()]
    corrected = holm([one.p for one in found])
    return [
        {"of": name, "difference": one.value, "interval": list(one.interval), "p": p}
        for name, one, p in zip(said, found, corrected, strict=True)
    ]


def _scores(runs: Sequence[npt.NDArray[np.floating]], truth: Truth) -> dict[str, Any]:
    """Judge class scores (B, C); of several runs of one thing every number is their mean."""
    classes, tables, spread = runs[0].shape[1], [], []
    for scores in runs:
        guess = scores.argmax(1)
        tables.append(metrics.confusion(truth.labels, guess, classes))
        totals = bootstrap.resampled_confusions(truth.labels, guess, classes, truth.blocks)
        spread.append(metrics.macro_f1_of(totals))
    stacked = np.stack(tables)
    return {
        "macro_f1": float(metrics.macro_f1_of(stacked).mean()),
        "accuracy": float(metrics.accuracy_of(stacked).mean()),
        "uar": float(metrics.uar_of(stacked).mean()),
        "interval": list(bootstrap.interval(np.mean(spread, axis=0))),
    }
