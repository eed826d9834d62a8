"""The fit of one head, with the heads of its folds, from a job to a finished run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from medusa.errors import DataError
from medusa.heads.examples.choose import ChosenFeature
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.examples.shots import draw_shots
from medusa.heads.fitting.check_choices import check_choices
from medusa.heads.fitting.fitters import make_fitter
from medusa.heads.fitting.folds import each_fold, folds_of, without
from medusa.heads.fitting.joined import join_workspace
from medusa.heads.fitting.predictions import predict_rows
from medusa.heads.fitting.record import record_of
from medusa.heads.networks.head import average_frames_of
from medusa.heads.networks.layer_sum import layer_weights
from medusa.heads.networks.pooling import position_weights
from medusa.heads.runs.run_dir import PREDICTIONS, SUMMARY, WEIGHTS, RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training.checkpoint import BEST, CHECKPOINT, save_weights
from medusa.heads.training.fitter import HeadFitter
from medusa.scoring import NOT_A_FOLD, Predictions
from medusa.workspace import Workspace


@dataclass(frozen=True)
class HeadJob:
    """One head to train, with everything that its training reads.

    Attributes:
        spec: the head.
        chosen: the stores that it reads, with the array of each.
        examples: the N utterances, joined with their features.
        folds: (N,) the fold of each utterance, -1 outside the training split or without folds.
        record: the content of the run's config.yaml.
        notes: remarks about the corpus, which are shown with every result.
    """

    spec: HeadSpec
    chosen: list[ChosenFeature]
    examples: Examples
    folds: Rows
    record: dict[str, Any]
    notes: list[str]


def prepare(workspace: Workspace, spec: HeadSpec) -> HeadJob:
    """Find the features, texts and labels of a workspace and join them.

    Args:
        workspace: with manifest and features.
        spec: the head.

    Raises:
        MedusaError: there is no manifest, no split, or no such features, or the configuration
            names something unknown.
    """
    config = spec.config
    check_choices(config)
    joined = join_workspace(workspace, spec, average_frames_of(config.head))
    examples = joined.examples
    if config.head.normalise_speakers:
        examples = examples.normalise_speakers()
    if config.train.shots is not None:
        shots = draw_shots(examples, config.train.shots, config.seed)
        examples = replace(examples, shots=shots)
    if config.loss.neutral_weight and examples.neutral is None:
        raise DataError("loss.neutral_weight: the label scheme has no class 'neutral'; set it to 0")
    folds = folds_of(joined.tied, examples.ids, config.train.folds)
    return HeadJob(spec, joined.chosen, examples, folds, record_of(joined, config), joined.notes)


def fit(
    job: HeadJob, run: RunDir, device: torch.device, advance: Callable[..., None]
) -> dict[str, Any]:
    """Fit one head and write its run; an interrupted fit continues where it stopped.

    With `train.folds`, the heads of the folds are fitted first, and they predict the training
    split out of fold; the column `fold` names the fold of each prediction.

    Args:
        job: the head, as `prepare` returned it.
        run: its run, started.
        device: where to compute.
        advance: called after every epoch, or every shrinkage that was tried.

    Returns:
        The run's summary: the score on the dev split and where it was reached.
    """

    def fit_fold(held_out: Rows, fold_run: RunDir) -> None:
        examples = without(job.examples, held_out)
        fitter = make_fitter(examples, job.spec.config, fold_run, device, advance)
        fitter.fit()
        finish_run(fitter, fold_run, predict_rows(fitter, held_out, fold_run))

    fold_runs = each_fold(job.folds, run, job.spec.config.train.folds, fit_fold)
    fitter = make_fitter(job.examples, job.spec.config, run, device, advance)
    fitter.fit()
    predictions = predict_rows(fitter, np.flatnonzero(job.folds == NOT_A_FOLD), run)
    for number, fold_run in enumerate(fold_runs):
        frame = fold_run.predictions().frame.assign(fold=number, split="train")
        predictions.frame = pd.concat([predictions.frame, frame], ignore_index=True)
    return finish_run(fitter, run, predictions, fold_runs, job.notes)


def finish_run(
    fitter: HeadFitter,
    run: RunDir,
    predictions: Predictions,
    fold_runs: Sequence[RunDir] = (),
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Write predictions, summary and weights of a fitted head, and mark its run as finished.

    Args:
        fitter: the head, with its best weights.
        run: where to write.
        predictions: of the run.
        fold_runs: the finished runs of its folds, whose seconds count as the run's.
        notes: remarks about the corpus.

    Returns:
        The run's summary: the score on the dev split and where it was reached.
    """
    predictions.write(run.path / PREDICTIONS)
    seconds_of_folds = sum(float(fold.read_json(SUMMARY).get("seconds", 0)) for fold in fold_runs)
    summary = {
        "dev_macro_f1": fitter.state.best,
        "best_at": fitter.state.best_at,
        "steps": fitter.state.steps,
        "parameters": sum(parameter.numel() for parameter in fitter.head.parameters()),
        "device": str(fitter.device),
        "notes": list(notes),
        "positions": position_weights(fitter.head),
        "layer_weights": layer_weights(fitter.head.scales),
        "seconds": fitter.meter.counted()["all"] + seconds_of_folds,
    }
    run.write_json(SUMMARY, summary)
    save_weights(run.path / WEIGHTS, fitter.head, run.digest())
    run.finish(leave_out=(BEST, CHECKPOINT))
    # Killed before this line, the run resumes from these files.
    for name in (BEST, CHECKPOINT):
        (run.path / name).unlink(missing_ok=True)
    return summary
