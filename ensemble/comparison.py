"""The scores of an ensemble and of its members on the same utterances."""

from typing import Any

from medusa.ensemble.members import Members
from medusa.ensemble.stackers import StackOutput
from medusa.ensemble.voting import VOTES
from medusa.scoring import Truth, gains, mean_scores

KINDS = ("member", "vote", "single", "stacker", "soup")
SOUP_NAMES = {
    "uniform": "linear, soup of {}",
    "greedy": "linear, greedy soup of {}",
    "none": "linear, the first of {}",
}


def compare(
    members: Members,
    truth: Truth,
    output: StackOutput,
    split: str,
    method: str = "",
    soup: str = "uniform",
) -> list[dict[str, Any]]:
    """Judge every member, the votes and, where one learnt, the stacker: its seeds and its soup.

    Args:
        members: M runs.
        truth: about the same utterances.
        output: what the stacker returned.
        split: the split to judge on; rows without a consensus are left out.
        method: what to call a stacker that is neither a vote nor linear.
        soup: how linear's seeds became one, a name in `SOUP_NAMES`.

    Returns:
        One row each, the best first within its kind: name, kind (one of `KINDS`), macro_f1,
        accuracy, uar and interval, the 95 % interval of the macro-F1.
    """
    rows = (members.splits == split) & truth.labelled
    posteriors = members.posteriors[:, rows]
    entries = [
        (name, "member", [scores]) for name, scores in zip(members.names, posteriors, strict=True)
    ]
    entries += [(f"{name} vote", "vote", [vote(posteriors)]) for name, vote in VOTES.items()]
    if seeds := len(output.per_seed_logits):
        kind = "stacker" if soup == "none" else "soup"
        entries += [
            ("linear, one seed", "single", [*output.per_seed_logits[:, rows]]),
            (SOUP_NAMES[soup].format(seeds), kind, [output.logits[rows]]),
        ]
    elif output.weights:
        entries.append((method, "stacker", [output.logits[rows]]))
    judged = truth.rows(rows)
    lines = [
        {"name": name, "kind": kind} | mean_scores(scores, judged) for name, kind, scores in entries
    ]
    return sorted(lines, key=lambda line: (KINDS.index(line["kind"]), -line["macro_f1"]))


def gain_over_members(
    members: Members, truth: Truth, output: StackOutput, split: str
) -> list[dict[str, Any]]:
    """Return how much better the stack is than every member and vote, each with a p value.

    Args:
        members, truth, output, split: see `compare`.

    Returns:
        One row for each of them, whose name in `compare` is `of`; see `significance.gains`.
    """
    rows = (members.splits == split) & truth.labelled
    posteriors = members.posteriors[:, rows]
    scores = dict(zip(members.names, posteriors, strict=True))
    others = {name: member.argmax(1) for name, member in scores.items()}
    others |= {f"{name} vote": vote(posteriors).argmax(1) for name, vote in VOTES.items()}
    predicted = output.logits[rows].argmax(1)
    return gains(truth.rows(rows), predicted, others, len(members.classes))
