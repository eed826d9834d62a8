"""A note before an encoder pads every clip of a corpus to a window that is much longer."""

import math
from collections.abc import Sequence

from medusa.cache import FeatureSpec, FeatureStore
from medusa.console import say
from medusa.errors import plural
from medusa.extract.planning.jobs import ExtractionJob

MUCH = 3.0  # The note is shown if the windows last this many times as long as the speech.


def note_long_windows(jobs: Sequence[ExtractionJob]) -> None:
    """Report the cost of long windows, and a choice that costs less, before the work begins."""
    for job in jobs:
        absent = _missing(job)
        seconds = [one.seconds for one in job.utterances if one.content in absent]
        if note := window_note(job.spec, seconds):
            say(f"{job.backbone.name}: {note}")


def _missing(job: ExtractionJob) -> set[str]:
    """Return the contents that a job's store lacks."""
    contents = {one.content for one in job.utterances}
    if not job.spec.preprocessing.get("window_s") or not job.store.exists():
        return contents
    return set(FeatureStore.open(job.store).missing(contents))


def window_note(spec: FeatureSpec, seconds: Sequence[float]) -> str:
    """Return a sentence on the windows of a backbone, or an empty string if they are short enough.

    Args:
        spec: the features; only those of Whisper have windows.
        seconds: the lengths of the clips.
    """
    window: float | None = spec.preprocessing.get("window_s")
    if not window or not sum(seconds):
        return ""
    padded = sum(math.ceil(one / window) * window for one in seconds)
    ratio = padded / sum(seconds)
    if ratio < MUCH:
        return ""
    shorter = min(window, max(2, math.ceil(max(seconds))))
    note = (
        f"it reads windows of {window:g} s, and the {plural(len(seconds), 'clip has')} "
        f"{sum(seconds) / len(seconds):.1f} s on average: {ratio:.0f} times the work"
    )
    if shorter < window / 2:
        note += (
            f"; --set window_s={shorter} takes about {shorter / window:.0%} of the time, and gives "
            "other features"
        )
    return note
