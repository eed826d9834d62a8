"""The fit of one head, with the heads of its folds, from a job to a finished run."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch

from medusa.heads.examples.join import Rows
from medusa.heads.fitting.finish import finish_run
from medusa.heads.fitting.fitters import make_fitter
from medusa.heads.fitting.folds import each_fold, without
from medusa.heads.fitting.head_job import HeadJob
from medusa.heads.fitting.predictions import predict_rows
from medusa.heads.runs.run_dir import RunDir
from medusa.scoring import NOT_A_FOLD


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
