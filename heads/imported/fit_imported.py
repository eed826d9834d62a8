"""Imported weights take the place of a fit: the head predicts, and its run is written."""

from collections.abc import Mapping

import torch
from torch import Tensor

from medusa.errors import CheckpointError
from medusa.heads.fitting.fit import HeadJob, finish_run
from medusa.heads.fitting.fitters import build_network, empty_network
from medusa.heads.fitting.predictions import predict_all
from medusa.heads.networks.head import Head
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.training.fitter import FitState, HeadFitter


class ImportedWeights(HeadFitter):
    """A fitter without a fit: the head has its weights already."""

    def _set_up(self) -> None:
        self.state, self.example_rows = FitState(), self.examples.rows("train")

    def fit(self) -> None:
        """Do nothing."""

    @staticmethod
    def calls_at_most(config: object) -> int:
        return 0


def imported_head(job: HeadJob, weights: Mapping[str, Tensor]) -> Head:
    """Return the network of a job with imported weights, which have its names.

    Raises:
        CheckpointError: the network has other names or shapes. They are compared before any memory
            is reserved, because the weights, which determine its sizes, come from elsewhere.
    """
    check_shapes(weights, empty_network(job.examples, job.spec.config).state_dict())
    head = build_network(job.examples, job.spec.config)
    head.load_state_dict(dict(weights))
    return head


def fit_imported(head: Head, job: HeadJob, batch: int, run: RunDir, device: torch.device) -> None:
    """Predict every utterance with an imported head, and write the run.

    Args:
        head: the network with its weights.
        job: the head's examples, which have a split.
        batch: the size of the batches, which are made in the order of the table, split by split.
        run: its run, started.
        device: where to compute.
    """
    fitter = ImportedWeights(head, job.examples, job.spec.config, run, device)
    predictions = predict_all(fitter.head, job.examples, run, device, True, batch)
    score = fitter.selector.score(predictions.logits()[fitter.selector.rows])
    fitter.state = FitState(score, "imported weights")
    finish_run(fitter, run, predictions, notes=job.notes)


def check_shapes(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise an error if a name or a shape is not the one that the network has."""
    for name in sorted({*weights, *expected}):
        found = tuple(weights[name].shape) if name in weights else "nothing"
        wanted = tuple(expected[name].shape) if name in expected else "nothing"
        if found != wanted:
            raise CheckpointError(
                f"{name}: expected {wanted}, found {found}; name the features of the checkpoint's "
                "modalities with --backbones, in their order"
            )
