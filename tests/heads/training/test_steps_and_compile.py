"""The log of training steps, and the graphs of compiled heads."""

import copy
import json

import numpy as np
import pytest
import torch

from medusa.cache import Packed
from medusa.heads.config import HeadConfig, load
from medusa.heads.fitting.fit import prepare
from medusa.heads.fitting.fitters import make_fitter
from medusa.heads.networks.compile import compile_framewise
from medusa.heads.networks.head import build
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training import meter
from medusa.workspace import Workspace

CPU = torch.device("cpu")
TINY = ("head.width=8", "head.feedforward=8", "train.batch=6")


def tiny(root, *more: str):
    return prepare(Workspace.open(root), HeadSpec("a", load("small", (*TINY, *more))))


def test_steps_tell_what_the_epoch_averages(workspace, monkeypatch):
    monkeypatch.setattr(meter, "EVERY", 1)
    job = tiny(workspace, "stages.0.epochs=2", "stages.1.epochs=1")
    run = RunDir(workspace / "runs" / "a")
    run.start(job.record)
    make_fitter(job.examples, job.spec.config, run, CPU).fit()
    lines = [json.loads(line) for line in (run.path / meter.STEPS).read_text().splitlines()]
    epochs = run.metrics()
    assert [line["step"] for line in lines] == list(range(1, sum(e["steps"] for e in epochs) + 1))
    at = 0
    for epoch in epochs:
        own = lines[at : (at := at + epoch["steps"])]
        assert {line["lr"] for line in own} == {epoch["lr"]}
        for name, mean in (
            ("loss", "train_loss"),
            ("attribute", "attribute_loss"),
            ("gradient_norm", "gradient_norm"),
        ):
            np.testing.assert_allclose(np.mean([s[name] for s in own]), epoch[mean], rtol=1e-5)


@pytest.mark.filterwarnings("default::UserWarning")  # dynamo looks at .grad
def test_three_graphs_at_most_for_forty_lengths():
    """Counted with dynamo's own bookkeeping; the graphs are run as they are, not compiled."""
    torch.manual_seed(0)
    config = HeadConfig(width=16, feedforward=32, dropout=0.1)
    head, plain = build(config, (6, 5), 3), build(config, (6, 5), 3)
    plain.load_state_dict(head.state_dict())
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compile_framewise(head, backend)
    for length in range(3, 43):
        inputs = [Packed.of([torch.randn(length + more, w) for more in (0, 4)]) for w in (6, 5)]
        head.train()
        head(inputs)[0].sum().backward()
    assert 1 <= len(graphs) <= 3
    for one in (head, plain):
        one.eval()
    with torch.no_grad():
        torch.testing.assert_close(head(inputs), plain(inputs))
    assert head.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.filterwarnings("default::UserWarning")
def test_a_copy_of_a_compiled_head_has_its_own_weights():
    """What a running average of the weights needs."""
    torch.manual_seed(0)
    config = HeadConfig(width=16, feedforward=32, dropout=0.0)
    head, plain = (build(config, (6,), 3).eval() for _ in range(2))
    compile_framewise(head, "eager")
    average = copy.deepcopy(head)
    with torch.no_grad():
        for weights in average.parameters():
            weights.normal_()
        plain.load_state_dict(average.state_dict())
        inputs = [Packed.of([torch.randn(5, 6), torch.randn(9, 6)])]
        torch.testing.assert_close(average(inputs), plain(inputs))


def test_steps_that_are_run_again_are_forgotten(tmp_path):
    log = meter.StepLog(tmp_path)
    for step in (10, 20, 30):
        log.add(step, 0.1, {"loss": torch.tensor(1.0)})
    log.write()
    with log.path.open("a", encoding="utf-8") as file:
        file.write('{"step": 4')  # killed while writing
    log.forget_after(20)
    lines = log.path.read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [10, 20]


def test_killed_before_the_first_checkpoint_no_line_is_double(workspace, monkeypatch):
    monkeypatch.setattr(meter, "EVERY", 1)
    job = tiny(workspace, "stages.0.epochs=2", "stages.1.epochs=1")
    run = RunDir(workspace / "runs" / "a")
    run.start(job.record)
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        trainer = make_fitter(job.examples, job.spec.config, run, CPU)

        def killed() -> None:
            raise KeyboardInterrupt

        broken.setattr(trainer, "_save", killed)
        trainer.fit()
    assert len(run.metrics()) == 1
    make_fitter(job.examples, job.spec.config, run, CPU).fit()
    lines = (run.path / meter.STEPS).read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines]
    assert [line["epoch"] for line in run.metrics()] == [1, 2, 3] and steps == sorted(set(steps))
