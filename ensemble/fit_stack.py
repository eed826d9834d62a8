"""A run of kind `stack`: from finished runs to one more finished run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from safetensors.torch import save_file

from medusa.atomic import atomic
from medusa.console import progress
from medusa.ensemble.comparison import compare, gain_over_members
from medusa.ensemble.members import Members, join, trained_on
from medusa.ensemble.stackers import OUT_OF_FOLD, STACKERS, StackConfig, StackOutput, train_rows
from medusa.errors import RunError, listed
from medusa.heads.runs.run_dir import FORMAT, METRICS, PREDICTIONS, SUMMARY, WEIGHTS, RunDir
from medusa.manifests import Manifest
from medusa.scoring import (
    Predictions,
    Truth,
    chance_macro_f1,
    judging_split,
    majority_macro_f1,
    training_prior,
    truth_of,
)


def stack(
    run: RunDir,
    members: Sequence[RunDir],
    manifest: Manifest,
    config: StackConfig,
    force: bool = False,
) -> bool:
    """Fit a stacker on finished runs and write its predictions as a run of its own.

    Args:
        run: where to; the folder is made.
        members: runs about the same utterances, each taken once.
        manifest: all of it.
        config: the stacker.
        force: replace a run of the same name.

    Returns:
        False if the run was already there, finished and the same.

    Raises:
        RunError: the stacker would learn from posteriors that its members give on their own
            training data, and that was not asked for explicitly.
        RunError, RunError: members or manifest do not fit together.
        RunError: the folder holds another run.
    """
    members = list({member.path.resolve(): member for member in members}.values())
    config = _checked(config, members, run)
    joined = join(members)
    truth = truth_of(manifest, joined.ids, joined.splits.tolist(), joined.classes)
    if config.learns:
        labels = truth.labels[train_rows(joined, truth, config)]
        config = replace(config, training=config.training.resolved(labels))
    record = _record(members, manifest, config)
    if not run.start(record, force):
        return False
    (run.path / METRICS).unlink(missing_ok=True)  # a log of an attempt that was cut short
    output = _fit(run, joined, truth, config)
    _write(run, joined, output)
    notes = _notes(members, config)
    run.write_json(SUMMARY, _summary(joined, truth, output, manifest, record, notes))
    run.finish()
    return True


def _checked(config: StackConfig, members: Sequence[RunDir], run: RunDir) -> StackConfig:
    """Return the configuration with `in_sample` as it is, or refuse."""
    if run.path.resolve() in [member.path.resolve() for member in members]:
        raise RunError(f"{run.name} cannot be a member of itself; give the stack another --name")
    if config.learns and config.fit_on == "test":
        raise RunError("--fit-on test: that split only judges; fit on dev or out-of-fold")
    fitted = [m.name for m in members if config.fit_on in trained_on(m.config())]
    in_sample = config.learns and bool(fitted)
    if in_sample and not config.in_sample:
        raise RunError(
            f"--fit-on {config.fit_on}: {listed(fitted)} learnt from that split, and their "
            "predictions there are better than on new data; leave them out, fit on "
            "another split, or insist with --in-sample"
        )
    return replace(config, in_sample=in_sample)


def _record(members: Sequence[RunDir], manifest: Manifest, config: StackConfig) -> dict[str, Any]:
    """Return the run's config.yaml."""
    configs = [member.config() for member in members]
    seen = {split for one in configs for split in trained_on(one)}
    return {
        "kind": "stack",
        "format": FORMAT,
        "train_split": configs[0].get("train_split", "train"),
        "trained_on": sorted(seen | ({config.fit_on} - {OUT_OF_FOLD} if config.learns else set())),
        "manifest": manifest.digest(),
        "classes": list(manifest.scheme.classes),
        "members": [{"name": member.name, "digest": member.digest()} for member in members],
        **config.record(),
    }


def _fit(run: RunDir, members: Members, truth: Truth, config: StackConfig) -> StackOutput:
    """Run the stacker, logging one line an epoch."""
    epochs = config.training.epochs if config.method == "linear" else None
    with progress(run.name, epochs or 1, "epoch") as advance:
        losses: list[float] = []

        def each_epoch(loss: float) -> None:
            losses.append(loss)
            advance(1, f"loss {loss:.3f}")

        output = STACKERS[config.method](members, truth, config, each_epoch)
    for epoch, loss in enumerate(losses, start=1):
        run.log(epoch=epoch, stage="stack", train_loss=loss, lr=config.training.lr)
    return output


def _write(run: RunDir, members: Members, output: StackOutput) -> None:
    """Write predictions of every split and, of a stacker that learns, soup and seeds."""
    predictions = Predictions.of(
        members.ids,
        members.splits.tolist(),
        output.logits,
        output.attributes,
        members.classes,
        run.digest(),
    )
    predictions.write(run.path / PREDICTIONS)
    if output.weights:
        with atomic(run.path / WEIGHTS) as partial:
            save_file(output.weights, partial)


def _notes(members: Sequence[RunDir], config: StackConfig) -> list[str]:
    """Return what a reader of the result must know: the members' notes, and in-sample fitting."""
    notes = [note for m in members for note in m.read_json(SUMMARY).get("notes", [])]
    if config.in_sample:
        notes.append(
            f"In-sample: the stacker was fitted on {config.fit_on!r}, which its members were "
            "trained on, so it trusts them more than they deserve."
        )
    return list(dict.fromkeys(notes))


def _summary(
    members: Members,
    truth: Truth,
    output: StackOutput,
    manifest: Manifest,
    record: dict[str, Any],
    notes: list[str],
) -> dict[str, Any]:
    """Judge the ensemble and its members on `test`, or on `dev` where test has no labels."""
    split = judging_split(members.splits, truth)
    if split == "dev" and record.get("fit_on") != "dev":
        notes = [
            *notes,
            "No labelled test split: judged on 'dev', which chose every member's weights, so all "
            "numbers are somewhat too good.",
        ]
    if split == record.get("fit_on"):
        notes = [
            *notes,
            f"No labelled test split: judged on {split!r}, where the stacker was fitted, so its "
            "own numbers there are too good; members and votes are comparable.",
        ]
    method, soup = record["method"], record.get("soup", "uniform")
    chose = split == "dev" and soup == "greedy"  # among the seeds
    learnt = bool(output.weights) and split != record.get("fit_on") and not chose
    labels = truth.labels[(members.splits == split) & truth.labelled]
    prior = training_prior(manifest, record["train_split"])
    return {
        "split": split,
        "utterances": len(labels),
        "chance": chance_macro_f1(prior, labels),
        "majority": majority_macro_f1(prior, labels),
        "comparison": compare(members, truth, output, split, method, soup),
        "gains": gain_over_members(members, truth, output, split) if learnt else [],
        "notes": notes,
    }
