"""The loop's options: averaged weights replayed by hand, micro-batches, memory that runs out."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from medusa.errors import DeviceError
from medusa.heads.config import load
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.networks.memory import embed_in_parts
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training import loop as train
from medusa.heads.training.loop import Trainer
from medusa.workspace import Workspace

CPU = torch.device("cpu")
FAST = (
    *("head.width=8", "head.feedforward=8", "mixup.p=0.5", "head.dropout=0"),
    *("stages.0.epochs=2", "stages.1.epochs=1", "stages.0.lr=0.01"),
)


def trained(root, name: str, *overrides: str) -> RunDir:
    job = prepare(Workspace.open(root), HeadSpec("a", load("small", FAST + overrides)))
    run = RunDir(root / "runs" / name)
    run.start(job.record)
    fit(job, run, CPU, lambda amount=1, note="": None)
    return run


def followed(root, monkeypatch, name: str, *overrides: str):
    """Train, noting the raw weights of the first map after every step of the first stage."""
    seen = []
    real = Trainer._step_within_memory

    def step(self, *args):
        if not seen:
            seen.append(self.head.output.classes.weight.detach().clone())
        parts = real(self, *args)
        if self.state.stage == 0:
            seen.append(self.head.output.classes.weight.detach().clone())
        return parts

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step_within_memory", step)
        run = trained(root, name, *overrides)
    kept = load_file(run.path / "stage-1-full.safetensors")["output.classes.weight"]
    return seen, kept


def test_compile_asks_for_compiled_layers(workspace, monkeypatch):
    asked = []
    monkeypatch.setattr("medusa.heads.fitting.fitters.compile_framewise", asked.append)
    trained(workspace, "plain")
    assert not asked
    trained(workspace, "compiled", "train.compile=true")
    (head,) = asked
    assert isinstance(head, torch.nn.Module)


def test_ema_is_the_exponential_mean_of_the_steps(workspace, monkeypatch):
    seen, kept = followed(workspace, monkeypatch, "a", "train.average=ema", "train.decay=0.5")
    mean = seen[1]  # the first step's weights start it
    for weights in seen[2:]:
        mean = 0.5 * mean + 0.5 * weights
    torch.testing.assert_close(kept, mean)


def test_swa_is_the_mean_of_the_epochs_ends(workspace, monkeypatch):
    seen, kept = followed(workspace, monkeypatch, "a", "train.average=swa")
    steps = (len(seen) - 1) // 2
    torch.testing.assert_close(kept, (seen[steps] + seen[2 * steps]) / 2)


def test_the_average_changes_nothing_in_the_weights_that_learn(workspace, monkeypatch):
    plain, _ = followed(workspace, monkeypatch, "a")
    with_mean, _ = followed(workspace, monkeypatch, "b", "train.average=ema")
    assert all(torch.equal(a, b) for a, b in zip(plain, with_mean, strict=True))


class Killed(Exception):
    pass


@pytest.mark.parametrize("average", ["ema", "swa"])
def test_an_average_is_resumed_to_the_bit(workspace, monkeypatch, average):
    setting = f"train.average={average}"
    straight = trained(workspace, "straight", setting)
    monkeypatch.setattr(train, "SAVE_EVERY_S", 0.0)
    real, left = Trainer._step_within_memory, iter(range(4, -1, -1))

    def dies(self, *args):
        if next(left, 1) == 0:
            raise Killed
        return real(self, *args)

    monkeypatch.setattr(Trainer, "_step_within_memory", dies)
    with pytest.raises(Killed):
        trained(workspace, "killed", setting)
    resumed = trained(workspace, "killed", setting)
    one, two = (load_file(run.path / "weights.safetensors") for run in (straight, resumed))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_micro_batches_give_the_gradients_of_the_whole_batch(workspace):
    job = prepare(
        Workspace.open(workspace), HeadSpec("a", load("small", (*FAST, "head.dropout=0.2")))
    )
    run = RunDir(workspace / "runs" / "a")
    run.start(job.record)
    torch.manual_seed(0)
    from medusa.heads.networks.head import build

    head = build(job.spec.config.head, job.examples.widths, 3).train()
    for module in head.modules():
        if hasattr(module, "p"):
            module.p = 0.0  # the draws of dropout depend on how many are drawn at once
    inputs = next(job.examples.read_batches([np.arange(7)]))
    inputs = [one.to("cpu", torch.float32) for one in inputs]
    found = []
    for micro in (7, 3, 1):
        head.zero_grad()
        x = embed_in_parts(head, inputs, micro)
        (x.square().sum() + (x[0] * x[6]).sum()).backward()  # the rows' loss is not a sum
        found.append([one.grad.clone() for one in head.fusion.parameters()])
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("shown")
def test_where_memory_runs_out_the_step_is_taken_in_smaller_parts(workspace, monkeypatch, capsys):
    plain = trained(workspace, "plain")
    real = train.Head.embed

    def limited(self, inputs):
        if self.training and len(inputs[0]) > 5:
            raise torch.OutOfMemoryError("too much")
        return real(self, inputs)

    monkeypatch.setattr(train.Head, "embed", limited)
    run = trained(workspace, "limited")
    assert "goes on with 8 utterances" in (said := capsys.readouterr().err)
    assert "with 4 utterances" in said and said.count("goes on") == 2  # and stays at 4
    one, two = (load_file(r.path / "stage-1-full.safetensors") for r in (plain, run))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-4)


def test_where_memory_runs_out_in_prediction_fewer_are_predicted_at_once(workspace, monkeypatch):
    plain = trained(workspace, "plain")
    real, most = train.Head.forward, []

    def limited(self, inputs):
        if len(inputs[0]) > 5:
            raise torch.OutOfMemoryError("too much")
        most.append(len(inputs[0]))
        return real(self, inputs)

    monkeypatch.setattr(train.Head, "forward", limited)
    run = trained(workspace, "limited")
    one, two = (r.predictions() for r in (plain, run))
    assert one.ids == two.ids and max(most) <= 5
    np.testing.assert_allclose(one.logits(), two.logits(), atol=1e-5)
    most.clear()
    trained(workspace, "micro", "train.micro=2")  # nor more than training has at once
    assert set(most) <= {1, 2}


def test_one_utterance_that_does_not_fit_is_an_error_with_its_length(workspace, monkeypatch):
    def never(self, inputs):
        raise torch.OutOfMemoryError("too much")

    monkeypatch.setattr(train.Head, "embed", never)
    with pytest.raises(DeviceError, match=r"longest .* frames.*head\.width"):
        trained(workspace, "a")


def test_waiting_and_memory_are_logged(workspace):
    for line in trained(workspace, "a").metrics():
        assert 0 <= line["data_wait_share"] <= 1
        assert 0.01 < line["peak_memory_gb"] < 100
