"""The seconds of a training that is continued in another process."""

from typing import Any

import pytest
import torch

from medusa.heads.training import meter
from medusa.heads.training.meter import Meter


def test_a_continued_training_counts_from_the_seconds_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(meter.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(Meter, "_flop", lambda *_: None)
    nothing: Any = None
    continued = Meter(nothing, nothing, nothing, torch.device("cpu"))
    now[0] = 107.0
    continued.go_on({"epoch": 20.0, "waited": 3.0, "all": 50.0})
    now[0] = 109.0
    assert continued.counted() == {"epoch": 22.0, "waited": 3.0, "all": 52.0}
    continued.begin_epoch()
    now[0] = 110.0
    assert continued.counted() == {"epoch": 1.0, "waited": 0.0, "all": 53.0}
