"""The tables of an ensemble and its members, as `medusa stack` and `medusa evaluate` print them."""

from collections.abc import Mapping, Sequence
from typing import Any

from medusa.console import say, table
from medusa.ensemble.comparison import conclusions, dev_summary
from medusa.ensemble.shrunken_map import vote_of
from medusa.ensemble.stacker import StackConfig
from medusa.ensemble.stackers import stacker_of
from medusa.ensemble.stored_stack import read_weights
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests import Manifest
from medusa.workspace import Workspace


def show_choice(
    run: RunDir, members: Sequence[RunDir], workspace: Workspace, config: StackConfig
) -> None:
    """Print the scores on dev; if test has no labels, those of the summary, which are of dev."""
    if vote := vote_of(read_weights(run, stacker_of(config))):
        say(f"{run.name} is {vote}: {config.fit_on} gave no reason to leave it")
    summary = run.read_json(SUMMARY)
    on_dev = None
    if summary["split"] == "test":
        on_dev = dev_summary(run, members, Manifest.read(workspace.manifest), config)
    show(on_dev or summary, run.name)
    for note in summary["notes"]:
        say(f"note: {note}")
    if on_dev and on_dev["chosen_here"]:
        say(f"{run.name} has learnt from dev, so only test can judge it")


def show(summary: Mapping[str, Any], name: str) -> None:
    """Print the scores of the ensemble and its members, its gains over them, and chance."""
    gains = {line["of"]: line for line in summary.get("gains", [])}
    rows: list[list[object]] = []
    for line in summary["comparison"]:
        low, high = line["interval"]
        row = [line["name"], line["kind"], line["macro_f1"], f"{low:.3f} – {high:.3f}"]
        row.append(line["accuracy"])
        gain = gains.get(line["name"])
        if gains:
            row += [f"{gain['difference']:+.3f}", f"{gain['p']:.3f}"] if gain else [None, None]
        rows.append(row)
    blank = [None] * (4 if gains else 2)
    rows.append(["always the most frequent class", "baseline", summary["majority"], *blank])
    rows.append(["guessing by the training prior", "baseline", summary["chance"], *blank])
    header = ["", "kind", "macro-F1", "95 %", "accuracy"]
    header += [f"gain of {name}", "p (Holm)"] if gains else []
    title = f"{name}: {summary['utterances']} labelled utterances of {summary['split']}"
    table(header, rows, title)
    for sentence in conclusions(summary, name):
        say(sentence)
