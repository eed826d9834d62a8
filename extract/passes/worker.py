"""One model of a pass over a corpus, the results that it fills in, and their amount."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from medusa.console import duration
from medusa.errors import DataError, MedusaError
from medusa.extract.encoders import ComputeTimer
from medusa.extract.inputs import Utterance

MAX_SHOWN = 50  # problems in one message


@dataclass
class Outcome:
    """The amount that one pass added to a feature store or to a table of transcripts.

    Attributes:
        utterances, seconds, frames: the amount that was added.
        elapsed_s: the time to the last byte on disk, without the loading of the weights.
        timer: the part of that time in which the model ran.
        problems: one sentence for every utterance that has no result.
        flags: the number of new transcripts with each flag.
        began: the time at which the work began, by the monotonic clock.
        flop: the operations of the encoder, without padding; an estimate from its dimensions.
        peak_flop_s: the operations per second of the device's own large matrix product.
    """

    utterances: int = 0
    seconds: float = 0.0
    frames: int = 0
    elapsed_s: float = 0.0
    timer: ComputeTimer = field(default_factory=ComputeTimer)
    problems: list[str] = field(default_factory=list)
    flags: Counter[str] = field(default_factory=Counter)
    began: float | None = None
    flop: float = 0.0
    peak_flop_s: float = 0.0

    def clock(self) -> None:
        """Set `elapsed_s` to the time since the first call."""
        now = time.monotonic()
        self.began = now if self.began is None else self.began
        self.elapsed_s = now - self.began

    @property
    def speed(self) -> float:
        """The seconds of audio for each second of time."""
        return self.seconds / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def share_of_peak(self) -> float | None:
        """The operations per second as a share of the peak; None if one of them is unknown."""
        return _share(self.flop, self.elapsed_s * self.peak_flop_s)

    @classmethod
    def of_processes(cls, parts: "Sequence[Outcome]") -> "Outcome":
        """Return the sum of several processes' outcomes; the timer is the mean over the devices."""
        busy_s = sum(one.timer.seconds for one in parts) / len(parts)
        return cls(
            utterances=sum(one.utterances for one in parts),
            seconds=sum(one.seconds for one in parts),
            frames=sum(one.frames for one in parts),
            elapsed_s=max(one.elapsed_s for one in parts),
            timer=ComputeTimer(known_s=busy_s),
            flop=sum(one.flop for one in parts),
            peak_flop_s=sum(one.peak_flop_s for one in parts),
            problems=[problem for one in parts for problem in one.problems],
            flags=sum((one.flags for one in parts), Counter[str]()),
        )

    @classmethod
    def of_cluster(
        cls, parts: "Sequence[Outcome]", count: int, elapsed_s: float, aside: Sequence[str]
    ) -> "Outcome":
        """Return the sum of the outcomes of all tasks of `count` workers.

        Args:
            parts: the outcomes; the timer is the mean over the workers, and the peak their sum.
            count, elapsed_s: the number of workers, and the time that they needed.
            aside: further problems.
        """
        whole = cls.of_processes(parts)
        busy = ComputeTimer(known_s=sum(one.timer.seconds for one in parts) / count)
        peak_flop_s = count * max(one.peak_flop_s for one in parts)
        problems = [*whole.problems, *aside]
        return replace(
            whole, elapsed_s=elapsed_s, timer=busy, peak_flop_s=peak_flop_s, problems=problems
        )

    def sendable(self) -> "Outcome":
        """Return a copy for another process: events of a GPU cannot leave theirs."""
        return replace(self, timer=ComputeTimer(known_s=self.timer.seconds), began=None)


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


def note(outcomes: Sequence[Outcome]) -> str:
    """Return a note on the hours of audio, the speed, and the use of the device."""
    first = outcomes[0]
    busy_s = sum(one.timer.seconds for one in outcomes)
    share = _share(sum(one.flop for one in outcomes), first.elapsed_s * first.peak_flop_s)
    of_peak = "" if share is None else f"about {share:.0%} of the peak, "
    return (
        f"{duration(first.seconds)} of audio, {first.speed:.3g}x real time, {of_peak}"
        f"{'model' if len(outcomes) == 1 else 'models'} "
        f"{busy_s / max(first.elapsed_s, 1e-9):.0%} busy"
    )


def _share(flop: float, at_most: float) -> float | None:
    return flop / at_most if flop and at_most else None


def raise_failures(what: str, problems: Sequence[str]) -> None:
    """Raise an error that names the utterances without a result, if there are any.

    Args:
        what: the missing result: `features` or `transcript`.
        problems: one sentence for each utterance; a file that fails for several encoders counts
            once.
    """
    problems = list(dict.fromkeys(problems))
    if not problems:
        return
    shown = problems[:MAX_SHOWN]
    rest = [f"... and {len(problems) - len(shown)} more"] if len(problems) > len(shown) else []
    count = "1 utterance has" if len(problems) == 1 else f"{len(problems)} utterances have"
    raise DataError(
        f"{count} no {what} (the others are stored); mend these files and run the command again:\n"
        "  " + "\n  ".join([*shown, *rest])
    )
