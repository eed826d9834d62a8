"""The operations of an extraction against those that torch counts, and their share of the peak."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from medusa.extract.passes.stream import read_source
from medusa.extract.passes.worker import Outcome, note
from medusa.extract.planning import utterance_flop
from medusa.manifests import Manifest
from medusa.tests.command_line import call
from medusa.tests.extract.running import plan_jobs
from medusa.workspace import Workspace

WINDOW = 32_000  # the samples of the small checkpoint's window, which has 100 frames


def test_the_products_of_a_whole_window_are_counted(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    workspace([WINDOW])
    path = str(checkpoint("tiny.pt"))
    (job,) = plan_jobs(Workspace.open(tmp_path), ["whisper"], path, layers="last")
    encoder, (one,) = job.load("cpu"), job.utterances
    item = encoder.prepare(read_source(one, 16_000))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        encoder.encode([item])
    convolution = counter.get_flop_counts()["Global"][torch.ops.aten.convolution]
    products = counter.get_total_flops() - convolution
    assert utterance_flop(job, 100, one.seconds) == products > 0


def test_the_share_is_of_the_peak_of_all_devices() -> None:
    one = Outcome(elapsed_s=4.0, flop=6e9, peak_flop_s=3e9, seconds=8.0)
    assert one.share_of_peak == 0.5
    other = replace(one, elapsed_s=2.0, flop=2e9, peak_flop_s=1e9)
    assert Outcome.of_processes([one, other]).share_of_peak == 8e9 / 4.0 / 4e9
    assert "2x real time, about 50% of the peak, model 0% busy" in note([one])
    assert "2x real time, about 67% of the peak, models 0% busy" in note([one, other])
    assert Outcome(elapsed_s=4.0).share_of_peak is None
    assert "peak" not in note([Outcome(elapsed_s=4.0)])


@pytest.mark.parametrize(("backbone", "known"), [("whisper", True), ("logmel", False)])
def test_the_command_reports_the_share(
    tmp_path: Path,
    workspace: Callable[..., Manifest],
    checkpoint: Callable[[str], Path],
    backbone: str,
    known: bool,
) -> None:
    workspace([WINDOW, 5000])
    chosen = [f"--checkpoint={checkpoint('tiny.pt')}"] if known else []
    command = ["extract", f"--backbone={backbone}", *chosen, "--json"]
    (row,) = json.loads(call(tmp_path, *command).stdout)
    assert (row["share_of_peak"] is not None) == known
    assert not known or 0 < row["share_of_peak"] < 1
