"""One model of a pass over a corpus, and the results that it fills in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from medusa.errors import MedusaError
from medusa.extract.inputs import Utterance
from medusa.extract.passes.outcome import Outcome


class PassWorker(Protocol):
    """A model that takes part in a pass, and the store or the table that it fills.

    A pass opens each worker, and closes it at its end, after an error, too.

    Attributes:
        name: the name of the model, for the progress line and for errors.
        rate_hz: the rate of the samples that it reads; None if it reads texts.
        least_s: the least seconds that an utterance costs.
        utterances: all utterances that the results should contain.
        output: the folder or file of the results.
        outcome: the amount that was added so far.
    """

    name: str
    rate_hz: int | None
    least_s: float
    utterances: Sequence[Utterance]
    output: Path
    outcome: Outcome

    def open(self) -> None:
        """Open the results."""
        ...

    def close(self) -> None:
        """Write all that was kept, after an error, too."""
        ...

    def missing(self) -> set[str]:
        """Return the contents of the utterances that have no result yet."""
        ...

    def bytes_of(self, utterances: Sequence[Utterance]) -> float:
        """Return the approximate number of bytes of these utterances' results on the disk."""
        ...

    def load(self, device: str) -> None:
        """Read the weights onto a device."""
        ...

    def unload(self) -> None:
        """Free the memory of the weights."""
        ...

    def batch_seconds(self, todo: Sequence[Utterance], device: str) -> float:
        """Return the padded seconds of audio that one batch may hold on this device."""
        ...

    def concurrent(self, device: str, batches: int) -> int:
        """Return how many of these batches to encode at the same time; 0 sets no limit."""
        ...

    def prepare(self, utterance: Utterance, source: Any) -> Any:
        """Turn samples (S,) or a text into an item; this runs in threads.

        Raises:
            MedusaError: the model cannot encode this utterance.
        """
        ...

    def encode(self, items: Sequence[Any]) -> Sequence[Any]:
        """Compute the results of prepared items, in their order."""
        ...

    def keep(self, utterance: Utterance, result: Any) -> MedusaError | None:
        """Keep one result; return the error that concerns this utterance alone."""
        ...

    def batch_done(self) -> None:
        """Record the time after a batch, and write the results if a write is due."""
        ...
