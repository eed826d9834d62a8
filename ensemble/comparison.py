"""The summary of a stack: its scores and those of its members on the same utterances."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.ensemble.members import CLOSED_FORM, Members, chosen_on_dev, join
from medusa.ensemble.stack_inputs import inputs_of
from medusa.ensemble.stacker import StackConfig, StackOutput
from medusa.ensemble.stackers import STACKERS, stacker_of
from medusa.errors import listed
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests import Manifest
from medusa.scoring import (
    Truth,
    chance_macro_f1,
    gains,
    judging_split,
    majority_macro_f1,
    mean_scores,
    training_prior,
)

SOFT, SIGNIFICANT = "soft vote", 0.05
KINDS = ("member", "vote", "single", "stacker", "soup")
Scores = npt.NDArray[np.floating]
Entry = tuple[str, str, Sequence[Scores]]


def summary_of(
    runs: Sequence[RunDir],
    members: Members,
    truth: Truth,
    output: StackOutput,
    manifest: Manifest,
    config: StackConfig,
) -> dict[str, Any]:
    """Judge a stack and its members on `test`, or on `dev` if `test` has no labels.

    Args:
        runs: the runs of the M members.
        members: their predictions of B utterances.
        truth: the truth of the same utterances.
        output: the predictions of the stacker for them.
        manifest: it has the class counts of the training split.
        config: the settings of the stack.

    Returns:
        `split`; `utterances`, the number of labelled ones; `chance` and `majority` of the
        macro-F1; `comparison`, see `compare`; `gains`, see `significance.gains`; and `notes`. There
        are no gains if the split chose the weights of the stacker.
    """
    split = judging_split(members.splits, truth)
    rows = (members.splits == split) & truth.labelled
    judged, others = truth.rows(rows), member_entries(members, rows)
    comparable = stacker_of(config).learns and not chosen_by(split, config)
    entries = [*others, *own_entries(output, config, rows)]
    return {
        **_scores(split, entries, judged, _prior(runs, manifest)),
        "gains": _gains(others, output.logits[rows], judged) if comparable else [],
        "notes": _notes(runs, config, split),
    }


def dev_summary(
    run: RunDir, runs: Sequence[RunDir], manifest: Manifest, config: StackConfig
) -> dict[str, Any] | None:
    """Judge the members and the votes on `dev`, for those who have still to choose.

    Args:
        run: the finished stack.
        runs: its members.
        manifest: it has the class counts of the training split.
        config: the settings of the stack.

    Returns:
        The keys of `summary_of` without `gains` and `notes`; and `chosen_here`, whether the stack
        has learnt from dev and is left out. It is None if dev has no labels.
    """
    members = join(runs)
    truth = members.truth(manifest)
    rows = (members.splits == "dev") & truth.labelled
    if not rows.any():
        return None
    entries, chosen_here = member_entries(members, rows), chosen_by("dev", config)
    if not chosen_here:
        logits = run.predictions().select(members.ids).logits().astype(np.float64)
        entries += own_entries(StackOutput(logits, None), config, rows)
    scores = _scores("dev", entries, truth.rows(rows), _prior(runs, manifest))
    return scores | {"chosen_here": chosen_here}


def chosen_by(split: str, config: StackConfig) -> bool:
    """Return whether a split has chosen the weights of a stacker."""
    stacker = stacker_of(config)
    greedy = "soup" in stacker.options and config.soup == "greedy"
    return stacker.learns and (split == config.fit_on or (greedy and split == "dev"))


def _prior(runs: Sequence[RunDir], manifest: Manifest) -> npt.NDArray[np.float64]:
    return training_prior(manifest, runs[0].config().get("train_split", "train"))


def _scores(
    split: str, entries: Sequence[Entry], judged: Truth, prior: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """Return the split, the number of its utterances, both baselines and the comparison."""
    return {
        "split": split,
        "utterances": len(judged.labels),
        "chance": chance_macro_f1(prior, judged.labels),
        "majority": majority_macro_f1(prior, judged.labels),
        "comparison": compare(entries, judged),
    }


def member_entries(members: Members, rows: npt.NDArray[np.bool_]) -> list[Entry]:
    """Return the name, the kind and the class scores of every member and vote.

    Args:
        members: the predictions of B utterances.
        rows: (B,) the utterances to return.
    """
    entries: list[Entry] = [
        (name, "member", [posteriors[rows]])
        for name, posteriors in zip(members.names, members.posteriors, strict=True)
    ]
    for name, stacker in STACKERS.items():
        if not stacker.learns:
            inputs = inputs_of(members, StackConfig(name)).rows(rows)
            entries.append((f"{name} vote", "vote", [stacker.predict({}, inputs).logits]))
    return entries


def own_entries(
    output: StackOutput, config: StackConfig, rows: npt.NDArray[np.bool_]
) -> list[Entry]:
    """Return the entries of a stacker that learns, and of the maps of its seeds."""
    stacker, entries = stacker_of(config), list[Entry]()
    if len(output.per_seed_logits):
        seeds = [logits[rows] for logits in output.per_seed_logits]
        entries.append((f"{config.method}, one seed", "single", seeds))
    if stacker.learns:
        entries.append((*stacker.title(config), [output.logits[rows]]))
    return entries


def compare(entries: Sequence[Entry], judged: Truth) -> list[dict[str, Any]]:
    """Judge class scores; several class scores of one entry are judged one by one and averaged.

    Returns:
        A row for each entry, the best first within its kind: name, kind (one of `KINDS`),
        macro_f1, accuracy, uar and interval, the 95 % interval of the macro-F1.
    """
    lines = [
        {"name": name, "kind": kind} | mean_scores(scores, judged) for name, kind, scores in entries
    ]
    return sorted(lines, key=lambda line: (KINDS.index(line["kind"]), -line["macro_f1"]))


def conclusions(summary: Mapping[str, Any], name: str) -> list[str]:
    """Return a sentence about the best member and one about the soft vote, from a summary.

    A difference of the macro-F1 counts if its corrected p value is below 0.05. There are no
    sentences if the summary has no `gains`.
    """
    gains = {line["of"]: line for line in summary.get("gains", [])}
    members = [line["name"] for line in summary["comparison"] if line["kind"] == "member"]
    sentences = []
    best = f"its best member on {summary['split']}, {members[0]}"
    for title, other in ((best, members[0]), ("the soft vote", SOFT)):
        if gain := gains.get(other):
            sentences.append(verdict(name, title, gain))
    return sentences


def verdict(name: str, title: str, gain: Mapping[str, Any]) -> str:
    """Return whether a run is better or worse than another or not to be told apart from it.

    Args:
        name: the run.
        title: the other run, in words.
        gain: the `difference` of the macro-F1, and its corrected `p`, as `gains` returns them.
    """
    word = "better than" if gain["difference"] > 0 else "worse than"
    figures = f"(macro-F1 {gain['difference']:+.3f}, p {gain['p']:.3f})"
    if gain["p"] < SIGNIFICANT:
        return f"{name} is {word} {title} {figures}"
    return f"{name} cannot be told apart from {title} {figures}"


def _gains(others: Sequence[Entry], logits: Scores, judged: Truth) -> list[dict[str, Any]]:
    """Return the difference of the macro-F1 between the stack and every member and vote."""
    classes = {name: scores[0].argmax(1) for name, _, scores in others}
    return gains(judged, logits.argmax(1), classes, logits.shape[1])


def _notes(runs: Sequence[RunDir], config: StackConfig, split: str) -> list[str]:
    """Return the notes of the members, and warnings about the splits that were used twice."""
    notes = [note for run in runs for note in run.read_json(SUMMARY).get("notes", [])]
    fit_on = config.fit_on if stacker_of(config).learns else None
    if config.in_sample:
        notes.append(
            f"In-sample: the stacker was fitted on {fit_on!r}, which its members were "
            "trained on, so it trusts them more than they deserve."
        )
    fitted = [run.name for run in runs if chosen_on_dev(run) == CLOSED_FORM]
    if fit_on == "dev" and fitted:
        notes.append(
            f"{listed(fitted)}: {CLOSED_FORM} were chosen on 'dev', where the stacker was fitted, "
            "so it trusts these members more than they deserve."
        )
    notes = list(dict.fromkeys(notes))
    if split == "dev" and fit_on != "dev":
        notes.append(
            "No labelled test split: judged on 'dev', which chose every member's weights, so all "
            "numbers are somewhat too good."
        )
    if split == fit_on:
        notes.append(
            f"No labelled test split: judged on {split!r}, where the stacker was fitted, so its "
            "own numbers there are too good; members and votes are comparable."
        )
    return notes
