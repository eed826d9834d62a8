"""Averaged weights begin anew with every stage: replayed from what the optimiser leaves."""

from functools import reduce

import pytest
import torch
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_post_hook

from medusa.heads.config.settings import load
from medusa.heads.fitting.fit import prepare
from medusa.heads.fitting.fitters import make_fitter
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.workspace import Workspace

STEPS = 3  # of an epoch: 40 utterances in batches of 16
SETTINGS = (
    *("head.width=8", "head.feedforward=8", "train.batch=16", "train.patience=9"),
    *("stages.0.epochs=2", "stages.0.lr=0.05"),
    *("stages.1.epochs=2", "stages.1.lr=0.05", "stages.1.sampler=shuffle", "stages.1.start=last"),
)


def stages_of(root, *settings: str):
    """Train two stages; of each, the weights after every step, and those that were kept."""
    job = prepare(Workspace.open(root), HeadSpec("a", load("small", SETTINGS + settings)))
    run = RunDir(root / "runs" / "averaged")
    run.start(job.record)
    trainer, seen = make_fitter(job.examples, job.spec.config, run, torch.device("cpu")), []
    hook = register_optimizer_step_post_hook(
        lambda *args: seen.append(trainer.head.output.classes.weight.detach().clone())
    )
    try:
        trainer.fit()
    finally:
        hook.remove()
    assert len(seen) == 4 * STEPS
    kept = [
        load_file(run.path / name)["output.classes.weight"]
        for name in ("stage-1-full.safetensors", "stage-2-balanced.safetensors")
    ]
    return zip((seen[: 2 * STEPS], seen[2 * STEPS :]), kept, strict=True)


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_an_exponential_mean_is_over_the_steps_of_its_stage(workspace, decay) -> None:
    for steps, kept in stages_of(workspace, "train.average=ema", f"train.decay={decay}"):
        mean = reduce(lambda old, new: decay * old + (1 - decay) * new, steps)
        torch.testing.assert_close(kept, mean)


def test_an_equal_mean_is_over_the_epochs_of_its_stage(workspace) -> None:
    for steps, kept in stages_of(workspace, "train.average=swa"):
        ends = steps[STEPS - 1 :: STEPS]
        torch.testing.assert_close(kept, torch.stack(ends).mean(0))
