"""The end of a fit: everything that a finished run has is written, its mark last."""

from collections.abc import Sequence
from typing import Any

from medusa.heads.networks.layer_sum import layer_weights
from medusa.heads.networks.pooling import position_weights
from medusa.heads.runs.run_dir import PREDICTIONS, SUMMARY, WEIGHTS, RunDir
from medusa.heads.training.checkpoint import BEST, CHECKPOINT, save_weights
from medusa.heads.training.fitter import HeadFitter
from medusa.scoring import Predictions


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
