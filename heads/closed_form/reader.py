"""The rows of a closed-form fit: packed modalities, averages over time, and their moments."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from medusa.cache import Packed
from medusa.errors import MedusaError, listed
from medusa.heads.closed_form.moments import Moments, moments_of
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.networks.head import Head

WIDEST = 16_384  # At this many channels the covariance takes 2 GB.


@dataclass(frozen=True)
class RowReader:
    """Read rows of examples in batches.

    Attributes:
        head: the head, whose fusion averages over time.
        examples: the features and labels.
        device: the device that computes.
        size: the utterances of a batch.
    """

    head: Head
    examples: Examples
    device: torch.device
    size: int

    @property
    def sums_device(self) -> torch.device:
        """Return the device of sums in double precision, which not every device supports."""
        return self.device if self.device.type == "cuda" else torch.device("cpu")

    @property
    def labels(self) -> Tensor:
        """Return the class numbers (N,) of all examples."""
        return torch.from_numpy(self.examples.labels)

    def inputs(self, rows: Rows) -> Iterator[tuple[list[Packed], Rows]]:
        """Yield packed modalities on the device and their row numbers."""
        batches = [rows[start : start + self.size] for start in range(0, len(rows), self.size)]
        feed = self.examples.read_batches(batches, self.device.type == "cuda")
        for batch, inputs in zip(batches, feed, strict=True):
            yield [x.to(self.device, torch.float32) for x in inputs], batch

    @torch.no_grad()
    def averages(self, rows: Rows) -> Iterator[tuple[Tensor, Rows]]:
        """Yield x (B, D) and its row numbers."""
        for inputs, batch in self.inputs(rows):
            yield self.head.embed(inputs), batch

    def moments(self, rows: Rows) -> Moments:
        """Read these rows and return their moments.

        Raises:
            MedusaError: features are not numbers.
        """
        width, labels = self.head.output.classes.in_features, self.labels
        parts = (
            (x, labels[batch], self.examples.ratings[batch]) for x, batch in self.averages(rows)
        )
        found = moments_of(parts, width, len(self.examples.classes), self.sums_device)
        check_numbers(bool(found.squares.isfinite().all()), self.examples)
        return found


def check_numbers(finite: bool, examples: Examples) -> None:
    """Refuse features that are not finite.

    Raises:
        MedusaError: with the stores.
    """
    if not finite:
        used = listed(stream.store.path for stream in examples.streams)
        raise MedusaError(
            f"{used}: features that are no numbers; find them with `medusa cache verify` and "
            "extract again"
        )


def check_rows(examples: Examples, rows: Rows, width: int) -> None:
    """Refuse rows or features that cannot be fitted.

    Raises:
        MedusaError: the message gives the remedy.
    """
    check_classes(examples, rows, "a discriminant")
    if width > WIDEST:
        raise MedusaError(
            f"head.name: a discriminant of {width} channels needs a covariance of "
            f"{8e-9 * width**2:.0f} GB; name fewer features or layers, or set "
            f"head.pooling to mean: together no wider than {WIDEST}"
        )


def check_classes(examples: Examples, rows: Rows, head: str) -> None:
    """Refuse training rows that lack a class.

    Raises:
        MedusaError: the message gives the remedy.
    """
    present = set(examples.labels[rows].tolist())
    if absent := [name for n, name in enumerate(examples.classes) if n not in present]:
        raise MedusaError(
            f"head.name: {head} needs utterances of every class, and none of those that it "
            f"learns from has the consensus {listed(absent)}; use another head or fewer folds, or "
            "leave the class out (`medusa manifest relabel`)"
        )
