"""Counted operations against a count by hand."""

import pytest
import torch

from medusa.heads.config import HeadConfig
from medusa.heads.networks.attention import FOLD_ABOVE
from medusa.heads.networks.flops import peak, train_flop
from medusa.heads.networks.head import HEADS, build

WIDTH, INNER, INPUTS = 16, 32, (6, 10)
RECURRENT = {"dhf", "cross_attention", "cross_attention_neutral"}


def by_hand(lengths: tuple[int, int]) -> float:
    """Twice the products of every matrix product of DeepSER with two layers, times three."""

    def encoder(tokens: int, inputs: int) -> int:
        products = tokens * inputs * WIDTH + tokens * WIDTH**2  # W1, W2
        layer = 4 * tokens * WIDTH**2 + 2 * tokens**2 * WIDTH + 2 * tokens * WIDTH * INNER
        return products + 2 * layer

    both = sum(lengths)
    total = sum(encoder(*pair) for pair in zip(lengths, INPUTS, strict=True))
    total += encoder(both, WIDTH) + encoder(2 * both, WIDTH)  # the fusion encoders
    total += 3 * WIDTH * WIDTH + WIDTH * (5 + 3)  # join, classes, attributes
    return 2 * 3 * total


def test_deepser_by_hand():
    config = HeadConfig(width=WIDTH, feedforward=INNER)
    head = build(config, INPUTS, 5)
    lengths = [(7, 3), (4, 4), (1, 9)]
    assert train_flop(head, lengths, INPUTS) == sum(by_hand(one) for one in lengths)


def test_long_utterances_are_counted_as_the_paper_has_them():
    head = build(HeadConfig(width=WIDTH, feedforward=INNER), INPUTS, 5)
    assert train_flop(head, [(90, 40)], INPUTS) == by_hand((90, 40))  # long enough to be folded
    assert head.fusion.modalities[0].layers[0].self_attn.fold_above == FOLD_ABOVE


@pytest.mark.parametrize("name", sorted(set(HEADS) - RECURRENT))
def test_every_head_is_counted_without_data(name):
    head = build(HeadConfig(name=name, width=WIDTH, feedforward=INNER), INPUTS, 5)
    short, long = (train_flop(head, [lengths], INPUTS) for lengths in ((5, 5), (50, 50)))
    assert 0 < short <= long
    assert next(head.parameters()).device.type == "cpu"  # the head itself stays as it is


def test_recurrent_heads_are_not_counted():
    head = build(HeadConfig(name="dhf", width=WIDTH), INPUTS, 5)
    assert train_flop(head, [(5, 5)], INPUTS) is None


def test_the_share_of_the_peak_is_logged_where_it_is_known(workspace, monkeypatch):
    from medusa.heads.config import load
    from medusa.heads.fitting.fit import fit, prepare
    from medusa.heads.runs.run_dir import RunDir
    from medusa.heads.spec import HeadSpec
    from medusa.heads.training import meter
    from medusa.workspace import Workspace

    small = ("head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1")
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", small)))
    monkeypatch.setattr(meter, "peak", lambda device: 1e9)
    run = RunDir(workspace / "runs" / "a")
    run.start(job.record)
    fit(job, run, torch.device("cpu"), lambda amount=1, note="": None)
    assert all(line["mfu"] > 0 for line in run.metrics())


def test_no_peak_is_claimed_for_a_cpu():
    assert peak(torch.device("cpu")) is None
