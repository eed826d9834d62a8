"""A head, a pooling, a sampler and two losses are added with one entry each, and trained."""

import numpy as np
import pytest
import torch

from medusa.cache import cat
from medusa.heads.examples.sampling import SAMPLERS
from medusa.heads.fitting.apply import apply
from medusa.heads.networks.base import Fusion
from medusa.heads.networks.head import HEADS
from medusa.heads.networks.pooling import POOLS, Pooling
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.training.loss import ATTRIBUTE_LOSSES, CLASS_LOSSES
from medusa.manifests import Manifest
from medusa.tests.command_line import call, invoke
from medusa.workspace import Workspace

TINY = ("head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1")


class LastFramePool(Pooling):
    """The last frame of each utterance."""

    needs_training = False

    def __init__(self, width):
        super().__init__(width)
        self.out_width = width

    def forward(self, x):
        return torch.stack([frames[-1] for frames in x.split()]).float()


class SummedHead(Fusion):
    """Map every modality to one width, pool all frames, and refuse dropout."""

    def __init__(self, config, widths):
        super().__init__(config, widths)
        self.maps = torch.nn.ModuleList(torch.nn.Linear(width, config.width) for width in widths)
        self.pool = POOLS[config.pooling](config.width)
        self.out_width = self.pool.out_width

    @classmethod
    def problems(cls, config):
        refused = ["head.dropout: set it to 0"] if config.head.dropout else []
        return super().problems(config) + refused

    def forward(self, inputs):
        mapped = [x.like(one(x.values)) for one, x in zip(self.maps, inputs, strict=True)]
        return self.pool(cat(mapped))


def fit(workspace, *settings, run=call):
    words = [word for setting in (*TINY, *settings) for word in ("--set", setting)]
    return run(workspace, "fit-head", "--config", "small", "--name", "toy", *words)


def test_a_pooling(workspace, monkeypatch):
    monkeypatch.setitem(POOLS, "last", LastFramePool)
    fit(workspace, "head.pooling=last")
    assert RunDir(workspace / "runs" / "toy").config()["head"]["pooling"] == "last"


def test_a_pooling_of_a_closed_form(workspace, monkeypatch):
    monkeypatch.setitem(POOLS, "last", LastFramePool)
    assert "dev macro-F1" in fit(workspace, "head.name=discriminant", "head.pooling=last").output


def test_a_head_is_trained_and_applied_and_refuses_settings(workspace, monkeypatch):
    monkeypatch.setitem(HEADS, "summed", SummedHead)
    wrong = invoke(workspace, "fit-head", "--config", "small", "--set", "head.name=summed")
    assert "head.dropout: set it to 0" in str(wrong.exception)
    settings = ("head.name=summed", "head.dropout=0")
    unused = invoke(
        workspace,
        *("fit-head", "--config", "small", "--set", "head.pooling=positional"),
        *(word for setting in settings for word in ("--set", setting)),
    )
    assert "summed has no use for positional" in str(unused.exception)
    fit(workspace, *settings)
    run = RunDir(workspace / "runs" / "toy")
    manifest = Manifest.read(workspace / "manifest.parquet")
    applied = apply(run, manifest, Workspace.open(workspace))
    np.testing.assert_allclose(applied.logits(), run.predictions().logits(), atol=1e-5)


@pytest.mark.parametrize(
    ("table", "setting", "entry"),
    [
        (SAMPLERS, "stages.0.sampler", lambda labels, rng, draw: labels.argsort()),
        (CLASS_LOSSES, "loss.classes", lambda batch, config: -batch.logits.log_softmax(1).mean()),
        (ATTRIBUTE_LOSSES, "loss.attributes", lambda rated, truth: rated.square().mean()),
    ],
)
def test_a_function_of_a_dictionary_is_called(workspace, monkeypatch, table, setting, entry):
    calls = []

    def noting(*arguments):
        calls.append(arguments)
        return entry(*arguments)

    monkeypatch.setitem(table, "toy", noting)
    misspelt = fit(workspace, f"{setting}=toi", run=invoke)
    assert f"{setting}: 'toi' is not one of" in str(misspelt.exception)
    assert "(did you mean 'toy'?)" in str(misspelt.exception)
    fit(workspace, f"{setting}=toy")
    assert calls and (workspace / "runs" / "toy" / "finished").exists()
