"""Before Whisper pads short clips to long windows, one line tells the cost and the remedy."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medusa.cache import FeatureSpec
from medusa.extract.planning.short_clips import window_note
from medusa.manifests import Manifest
from medusa.tests.command_line import call

SPEC = FeatureSpec(
    "whisper", "whisper", "x", "1", "audio", (1,), "none", "float16", 8, 0.02, {"window_s": 30.0}
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ([2.0, 4.0], ["2 clips have 3.0 s on average: 10 times", "window_s=4 takes about 13%"]),
        ([0.5], ["1 clip has 0.5 s", "60 times", "window_s=2 takes"]),
        ([20.0] * 3, []),
        ([2.0] * 30 + [40.0], ["3.2 s on average", "10 times"]),
        ([], []),
    ],
)
def test_the_cost_of_windows_by_hand(seconds: list[float], words: list[str]) -> None:
    note = window_note(SPEC, seconds)
    assert all(one in note for one in words)
    assert bool(note) == bool(words)
    assert window_note(replace(SPEC, preprocessing={}), seconds) == ""


def test_only_missing_clips_are_counted(
    workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    workspace([16000, 7001, 16000])
    words = ["extract", "--backbone", "whisper", "--checkpoint", checkpoint("whisper.pt")]
    said = call(tmp_path, *words).stderr
    assert ("times the work" in said) == ("windows of" in said)
    again = call(tmp_path, *words).stderr
    assert "times the work" not in again and "nothing to do" in again
