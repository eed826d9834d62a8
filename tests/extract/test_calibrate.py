"""A batch's size from one measurement, on a device that is made up."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from medusa.extract.inputs import utterances as sources
from medusa.extract.inputs.utterances import Utterance
from medusa.extract.passes import calibration, plan
from medusa.manifests import Manifest
from medusa.tests.extract import running as run
from medusa.tests.extract.running import plan_jobs
from medusa.workspace import Workspace, remove

GB = 10**9


class Card:
    """A GPU's memory: 1 GB of weights, and what a batch of samples is said to need."""

    def __init__(self, free: int, a_sample: int) -> None:
        self.free, self.a_sample = free, a_sample
        self.held = self.peak = 1 * GB
        self.tried: list[int] = []

    def encode(self, items: Sequence[Any]) -> Sequence[Any]:
        (item,) = items
        self.tried.append(len(item))
        if len(item) * self.a_sample > self.free:
            raise torch.OutOfMemoryError("no room")
        if len(self.tried) == 1:
            self.held += GB // 2  # workspaces stay
        self.peak = max(self.peak, self.held + len(item) * self.a_sample)
        return items

    def fake(self, patch: pytest.MonkeyPatch) -> None:
        quiet: Callable[..., None] = lambda *given: None  # noqa: E731
        for name in ("synchronize", "empty_cache"):
            patch.setattr(torch.cuda, name, quiet)
        patch.setattr(torch.cuda, "reset_peak_memory_stats", self.reset)
        patch.setattr(torch.cuda, "memory_allocated", lambda device: self.held)
        patch.setattr(torch.cuda, "max_memory_allocated", lambda device: self.peak)
        patch.setattr(torch.cuda, "mem_get_info", lambda device: (self.free, 100 * GB))

    def reset(self, device: str) -> None:
        self.peak = self.held


def corpus(workspace: Callable[..., Manifest]) -> list[Utterance]:
    return sources.audio_utterances(workspace((16000, 48000, 7001)))


def budget(card: Card, todo: Sequence[Utterance], least_s: float = 0.0) -> float:
    return calibration.measured_batch_seconds(
        todo, lambda wave: wave, card.encode, 16000, "cuda:0", least_s
    )


@pytest.mark.usefixtures("shown")
def test_four_fifths_of_what_is_free(
    workspace: Callable[..., Manifest],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """3 s need 0.048 GB, the weights and workspaces apart: 8 of 10 GB hold 500 s."""
    card = Card(free=10 * GB, a_sample=1000)
    card.fake(monkeypatch)
    assert budget(card, corpus(workspace)) == pytest.approx(500.0)
    assert card.tried == [48000, 48000]  # the longest; the first time takes the workspaces
    printed = capsys.readouterr().err
    assert "3.0 s needs 48 MB, and 10.0 GB are free: a batch holds 500 s" in printed


def test_elsewhere_a_batch_holds_two_windows_of_an_encoder_that_pads_all_alike() -> None:
    asked = [("cpu", 0.0), ("cpu", 2.0), ("cpu", 30.0), ("mps", 30.0), ("cuda:1", 30.0)]
    found = [
        calibration.measured_batch_seconds([], len, len, 16000, device, least)
        for device, least in asked
    ]
    assert found == [40.0, 40.0, 60.0, 100.0, 400.0]  # on cuda: of nothing that can be measured


def test_what_counts_as_thirty_seconds_is_measured_so(
    workspace: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card(free=GB, a_sample=1000)
    card.fake(monkeypatch)
    assert budget(card, corpus(workspace), least_s=30.0) == pytest.approx(500.0)


def test_neither_more_than_helps_nor_less_than_one(
    workspace: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = corpus(workspace)
    for free, a_sample, expected in ((90 * GB, 1, calibration.LONGEST_BATCH_S), (GB, 10**6, 3.0)):
        with monkeypatch.context() as patch:
            card = Card(free, a_sample)
            card.fake(patch)
            assert budget(card, todo) == expected


def test_a_long_recording_alone_may_be_more_than_the_most() -> None:
    assert calibration.scaled(10, 2000.0, 10**9) == 2000.0


def test_other_errors_are_not_taken_for_lack_of_memory(
    workspace: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(items: Sequence[Any]) -> Sequence[Any]:
        raise RuntimeError("shapes do not match")

    Card(GB, 1).fake(monkeypatch)
    with pytest.raises(RuntimeError, match="shapes"):
        calibration.measured_batch_seconds(corpus(workspace), len, broken, 16000, "cuda:0")


def test_unreadable_files_are_not_measured(
    tmp_path: Path, workspace: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = corpus(workspace)
    card = Card(free=10 * GB, a_sample=1000)
    card.fake(monkeypatch)
    (tmp_path / "wav/u1.wav").write_bytes(b"no sound")
    assert budget(card, todo) == pytest.approx(500.0)
    assert set(card.tried) == {16000}
    for name in ("u0", "u2"):
        (tmp_path / f"wav/{name}.wav").write_bytes(b"no sound")
    assert budget(card, todo) == 400.0  # the usual


def test_a_cpu_has_its_fixed_budget(
    tmp_path: Path, workspace: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = plan.even_batches
    monkeypatch.setattr(plan, "even_batches", lambda *given: asked.append(given[3]) or real(*given))
    workspace((16000, 7001))
    (job,) = plan_jobs(Workspace.open(tmp_path), ["logmel"])
    assert run.extract(job, "cpu", None).utterances == 2
    remove(job.store)
    assert run.extract(job, "cpu", 7.0).utterances == 2
    assert asked == [40.0, 7.0]
