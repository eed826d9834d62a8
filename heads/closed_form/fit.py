"""Linear discriminant analysis on averages over time: a head in closed form, fitted in seconds.

Classes are modelled as normal distributions with one covariance (Fisher 1936), which is shrunk
towards its diagonal. All classes have equal weight. Attributes are a linear regression on the same
averages. A fit reads the training rows once, or three times with positions, and uses no seed.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medusa.cache import Packed
from medusa.errors import MedusaError, listed
from medusa.heads.closed_form.moments import Moments, discriminant, moments_of, regression
from medusa.heads.closed_form.positions import Positions, best_positions
from medusa.heads.config import Config
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.networks.discriminant import floored
from medusa.heads.networks.fusion import Head
from medusa.heads.networks.memory import peak_memory_gb
from medusa.heads.networks.pooling import PositionalPool
from medusa.heads.runs.run_dir import METRICS, RunDir
from medusa.heads.training.meter import Meter
from medusa.heads.training.predict import BATCH
from medusa.heads.training.selection import DevSelector
from medusa.scoring import NO_CONSENSUS

SHRINKAGES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001)  # The earlier of two ties is chosen.
POSITIONED = 0.1  # This shrinkage is used by the discriminant that weighs positions.
WIDEST = 16_384  # At this many channels the covariance takes 2 GB.
SCALES = (-5.0, 6.0)  # The logarithm of the scale is searched in this range.
TRIED = (0.02, 0.1, 0.3)  # The search for the floor starts from each of these.


@dataclass
class ShrinkageState:
    """The shrinkage that scored best on dev."""

    best: float = -1.0
    best_at: str = ""
    steps: int = 0


class ClosedForm:
    """Fit one head without training. The interface is that of a `Trainer`.

    Args:
        head: a head that was built as a `discriminant`.
        examples: the features and labels, with splits `train` and `dev`.
        config: the settings that select on dev. Stages, losses and MixUp have no effect.
        run: the run folder for the metrics.
        device: the device that computes.
        advance: a function that is called after every shrinkage that was tried.
    """

    def __init__(
        self,
        head: Head,
        examples: Examples,
        config: Config,
        run: RunDir,
        device: torch.device,
        advance: Callable[..., None] = lambda amount=1, note="": None,
    ) -> None:
        self.head, self.examples, self.run = head.to(device).eval(), examples, run
        self.device, self.advance = device, advance
        self.where = (
            device if device.type == "cuda" else torch.device("cpu")
        )  # The device of the sums.
        self.pools: Sequence[Any] = list(head.fusion.get_submodule("pools").children())
        self.state, self.at_once = ShrinkageState(), config.train.micro or BATCH
        self.rows = examples.rows("train")
        self.selector = DevSelector(examples, config.train)
        self.meter = Meter(self.head, examples, self.rows, device)
        _check(examples, self.rows, self.head.output.classes.in_features)

    def fit(self) -> None:
        """Score every shrinkage on dev, keep the best and calibrate it on dev.

        Raises:
            MedusaError: a class has no row with a consensus in train, or there are too many
                channels.
        """
        (self.run.path / METRICS).unlink(missing_ok=True)  # An interrupted run may have left it.
        if any(isinstance(pool, PositionalPool) for pool in self.pools):
            self._set_positions()
        found = self._moments(self.rows)
        self.meter.counted()
        dev = torch.cat([x.cpu() for x, _ in self._averages(self.selector.rows)]).double()
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

    def _moments(self, rows: Rows) -> Moments:
        """Read these rows and return their moments."""
        width = self.head.output.classes.in_features
        labels = torch.from_numpy(self.examples.labels)
        parts = (
            (x, labels[batch], self.examples.ratings[batch]) for x, batch in self._averages(rows)
        )
        found = moments_of(parts, width, len(self.examples.classes), self.where)
        if not found.squares.isfinite().all():
            used = listed(stream.store.path for stream in self.examples.streams)
            raise MedusaError(
                f"{used}: features that are no numbers; find them with `medusa cache verify` and "
                "extract again"
            )
        return found

    @torch.no_grad()
    def _set_positions(self) -> None:
        """Fit every modality's weights by position with discriminants of the other half's rows."""
        labels = torch.from_numpy(self.examples.labels)
        halves = in_halves(self.rows, self.examples.labels)
        if halves is None:
            return
        widths, classes = [pool.out_width for pool in self.pools], len(self.examples.classes)
        found: list[list[Positions]] = [[] for _ in self.pools]
        for half, other in (halves, halves[::-1]):
            weights = discriminant(self._moments(other), POSITIONED)[0].float().to(self.device)
            for parts, scores in zip(found, torch.split(weights, widths, 1), strict=True):
                parts.append(Positions(scores.contiguous(), classes, self.where))
            for inputs, batch in self._inputs(half):
                for parts, x, scale in zip(found, inputs, self.head.scales, strict=True):
                    parts[-1].add(scale(x), labels[batch])
        for pool, parts in zip(self.pools, found, strict=True):
            pool.position.copy_(best_positions(parts))

    def _inputs(self, rows: Rows) -> Iterator[tuple[list[Packed], Rows]]:
        """Yield packed modalities on the device and their row numbers."""
        size = self.at_once
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        feed = self.examples.batches(batches, self.device.type == "cuda")
        for batch, inputs in zip(batches, feed, strict=True):
            yield [x.to(self.device, torch.float32) for x in inputs], batch

    @torch.no_grad()
    def _averages(self, rows: Rows) -> Iterator[tuple[Tensor, Rows]]:
        """Yield x (B, D) and its row numbers."""
        for inputs, batch in self._inputs(rows):
            yield self.head.embed(inputs), batch

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


def in_halves(rows: Rows, labels: Rows) -> tuple[Rows, Rows] | None:
    """Divide the rows that have a label evenly, class by class.

    Args:
        rows: the row numbers to divide.
        labels: the class numbers of all rows.

    Returns:
        The row numbers of the two halves, or None if a class has a single row.
    """
    known = rows[labels[rows] != NO_CONSENSUS]
    ordered = known[np.argsort(labels[known], kind="stable")]
    if np.unique(labels[known], return_counts=True)[1].min() < 2:
        return None
    return np.sort(ordered[::2]), np.sort(ordered[1::2])


def calibrated(logits: Tensor, truth: Rows) -> tuple[float, float]:
    """Return the scale s and floor f that minimise the cross-entropy of `floored(s logits, f)`.

    All classes have equal weight. Two numbers hardly overfit, so they may be fitted on the rows
    that also select. The floor is at least 1 / (B + 2) (Laplace), since the next utterance may be
    wrong even if all B are right.

    Args:
        logits: (B, C).
        truth: (B,) the class numbers.
    """
    from scipy.optimize import minimize

    labels = torch.from_numpy(truth)
    counts = labels.bincount(minlength=logits.shape[1])
    shares = 1.0 / counts[labels]
    shares = shares / shares.sum()

    # With fewer rows than channels, logits may be in the thousands, so the search is relative.
    unit = float((logits - logits.mean(1, keepdim=True)).std()) or 1.0

    def loss(at: Sequence[float]) -> float:
        scale, floor = float(np.exp(at[0])) / unit, torch.tensor(at[1], dtype=torch.float64)
        log_probs = floored(logits * scale, floor).gather(1, labels[:, None])[:, 0]
        return -float((shares * log_probs).sum())

    # The loss has several minima: a large scale with a floor, or a small scale.
    least = 1 / (len(labels) + 2)
    floors = [max(least, floor) for floor in TRIED]
    start = min(((a, f) for a in np.linspace(*SCALES, 21) for f in floors), key=loss)
    simplex = [start, (start[0] + 0.5, start[1]), (start[0], start[1] + 0.05)]
    found = minimize(
        loss,
        start,
        method="Nelder-Mead",
        bounds=(SCALES, (least, 0.5)),
        options={"initial_simplex": simplex},
    )
    return float(np.exp(found.x[0])) / unit, float(found.x[1])


def _check(examples: Examples, rows: Rows, width: int) -> None:
    """Refuse rows or features that cannot be fitted.

    Raises:
        MedusaError: the message gives the remedy.
    """
    present = set(examples.labels[rows].tolist())
    if absent := [name for n, name in enumerate(examples.classes) if n not in present]:
        raise MedusaError(
            "head.name: a discriminant needs utterances of every class, and none of those that it "
            f"learns from has the consensus {listed(absent)}; use another head or fewer folds, or "
            "leave the class out (`medusa manifest relabel`)"
        )
    if width > WIDEST:
        raise MedusaError(
            f"head.name: a discriminant of {width} channels needs a covariance of "
            f"{8e-9 * width**2:.0f} GB; name fewer features or layers, or set "
            f"head.pooling to mean: together no wider than {WIDEST}"
        )
