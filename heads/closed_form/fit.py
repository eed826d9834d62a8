"""Linear discriminant analysis on averages over time: a head in closed form, fitted in seconds.

Classes are modelled as normal distributions with one covariance (Fisher 1936), which is shrunk
towards its diagonal. All classes have equal weight. Attributes are a linear regression on the same
averages. A fit reads the training rows once, or three times with positions, and uses no seed.
"""

import copy

import numpy as np
import torch
from torch import Tensor

from medusa.heads.closed_form.calibration import calibrated
from medusa.heads.closed_form.fit_positions import fit_positions
from medusa.heads.closed_form.moments import discriminant, regression
from medusa.heads.closed_form.reader import RowReader, check_rows
from medusa.heads.config import Config
from medusa.heads.networks.memory import peak_memory_gb
from medusa.heads.runs.run_dir import METRICS
from medusa.heads.training.fitter import FitState, HeadFitter

SHRINKAGES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001)  # The earlier of two ties is chosen.


class ClosedForm(HeadFitter):
    """Fit a head whose fusion is in closed form. Stages, losses and MixUp have no effect."""

    unit = "shrinkage"

    def _set_up(self) -> None:
        self.head.eval()
        self.state, self.example_rows = FitState(), self.examples.rows("train")
        self.reader = RowReader(self.head, self.examples, self.device, self.at_once)
        check_rows(self.examples, self.example_rows, self.head.output.classes.in_features)

    @staticmethod
    def calls_at_most(config: Config) -> int:
        return len(SHRINKAGES)

    def fit(self) -> None:
        """Score every shrinkage on dev, keep the best and calibrate it on dev.

        Raises:
            MedusaError: features are not numbers.
        """
        (self.run.path / METRICS).unlink(missing_ok=True)  # An interrupted run may have left it.
        fit_positions(self.reader, self.example_rows)
        found = self.reader.moments(self.example_rows)
        self.meter.counted()
        averages = self.reader.averages(self.selector.rows)
        dev = torch.cat([x.cpu() for x, _ in averages]).double()
        best, kept = dict[str, Tensor](), SHRINKAGES[0]
        for shrinkage in SHRINKAGES:
            weights, bias = (one.cpu() for one in discriminant(found, shrinkage))
            scale, floor = calibrated(dev @ weights.T + bias, self.selector.truth)
            self._set(weights * scale, bias * scale, floor)
            logits = self._logits(dev)
            score = self.selector.score(logits)
            if score > self.state.best:
                self.state.best, self.state.best_at = score, f"shrinkage {shrinkage:g}"
                best, kept = copy.deepcopy(self.head.state_dict()), shrinkage
            self._log(shrinkage, score, self.selector.loss(logits))
        self.head.load_state_dict(best)
        self._set_attributes(*regression(found, kept))

    @torch.no_grad()
    def _set(self, weights: Tensor, bias: Tensor, floor: float) -> None:
        self.head.output.classes.weight.copy_(weights)
        self.head.output.classes.bias.copy_(bias)
        self.head.output.get_buffer("floor").fill_(floor)

    @torch.no_grad()
    def _set_attributes(self, weights: Tensor, bias: Tensor) -> None:
        self.head.output.attributes.weight.copy_(weights)
        self.head.output.attributes.bias.copy_(bias)

    @torch.no_grad()
    def _logits(self, x: Tensor) -> np.ndarray:
        logits: np.ndarray = self.head.output(x.float().to(self.device))["classes"].cpu().numpy()
        return logits

    def _log(self, shrinkage: float, score: float, loss: float) -> None:
        counted = self.meter.counted()
        self.run.log(
            shrinkage=shrinkage,
            dev_loss=loss,
            dev_macro_f1=score,
            seconds=round(counted["epoch"], 3),
            peak_memory_gb=round(peak_memory_gb(self.device), 3),
        )
        self.meter.begin_epoch()
        self.advance(
            1, f"shrinkage {shrinkage:g}: dev macro-F1 {score:.3f}, best {self.state.best:.3f}"
        )
