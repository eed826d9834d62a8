"""One queue with one worker, which predicts the clips that wait in one batch."""

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from medusa.inference.audio_input import AudioInput, clip_of
from medusa.inference.cutting.options import CutOptions
from medusa.inference.model import Model
from medusa.inference.prediction_result import PredictionResult
from medusa.randomness import random_stream

WARM_S, WARM_HZ = 1.0, 16_000  # the clip of noise that is predicted at the start
END_S = 10.0  # so long may the last batch take


@dataclass(frozen=True)
class WaitingClip:
    """A clip in the queue, the cutting that was chosen, and its result to come.

    The path of the recording is unique: it tells the results of a batch apart.
    """

    recording: AudioInput
    cut: CutOptions
    result: "Future[PredictionResult]" = field(default_factory=Future)


class RequestQueue:
    """The clips that wait for the model, in their order.

    Args:
        model: the model; only the worker's thread uses it.
        batch: the most clips that are predicted at the same time.
    """

    def __init__(self, model: Model, batch: int) -> None:
        self.model, self.batch = model, batch
        self.waiting: deque[WaitingClip] = deque()
        self.changed = threading.Condition()
        self.is_closed = False
        self.warm: Future[None] = Future()
        self.worker = threading.Thread(target=self._work, name="predictions", daemon=True)

    def start(self) -> None:
        """Start the worker. It reads the backbones first; `warm` then has a result or an error."""
        self.worker.start()

    def submit(self, recording: AudioInput, cut: CutOptions) -> "Future[PredictionResult]":
        """Add a clip, and return its result to come. If the result is cancelled, it is left out."""
        clip = WaitingClip(recording, cut)
        with self.changed:
            if self.is_closed:
                clip.result.cancel()
            self.waiting.append(clip)
            self.changed.notify()
        return clip.result

    def close(self) -> None:
        """Cancel all clips that wait, and wait for the end of the worker's batch."""
        with self.changed:
            self.is_closed = True
            while self.waiting:
                self.waiting.popleft().result.cancel()
            self.changed.notify()
        self.worker.join(END_S)

    def _work(self) -> None:
        noise = random_stream(0, "first clip").normal(0, 0.1, round(WARM_S * WARM_HZ))
        try:
            self.model.predict_recordings([clip_of(noise, WARM_HZ)]).raise_problems()
        except Exception as problem:
            self.warm.set_exception(problem)
            return
        self.warm.set_result(None)
        while clips := self._take():
            self._predict([one for one in clips if one.result.set_running_or_notify_cancel()])

    def _take(self) -> list[WaitingClip]:
        """Wait for a clip; return it with the others that are cut as it is, or [] at the end."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting or self.is_closed)
            if not self.waiting:
                return []
            cut = self.waiting[0].cut
            taken = [one for one in self.waiting if one.cut == cut][: self.batch]
            chosen = set(map(id, taken))
            self.waiting = deque(one for one in self.waiting if id(one) not in chosen)
            return taken

    def _predict(self, clips: Sequence[WaitingClip]) -> None:
        """Predict clips together. If that fails, each is predicted alone, and has its own error."""
        if not clips:
            return
        try:
            found = self.model.predict_recordings([c.recording for c in clips], cut=clips[0].cut)
        except Exception as problem:
            if len(clips) == 1:
                clips[0].result.set_exception(problem)
                return
            for clip in clips:
                self._predict([clip])
            return
        for clip in clips:
            clip.result.set_result(_part(found, clip.recording.path))


def _part(found: PredictionResult, path: str) -> PredictionResult:
    """Return the rows and the problems of one recording of a batch."""
    rows = [(one, predicted) for one, predicted in found.rows if one.path == path]
    return PredictionResult(rows, [one for one in found.problems if one.startswith(path)])
