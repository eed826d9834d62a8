"""Many heads by one command: every combination once, resumed, failures named."""

import os
import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from medusa.errors import ConfigError, MedusaError
from medusa.heads.config import load
from medusa.heads.queue import processes
from medusa.heads.queue.fit_heads import fit_heads
from medusa.heads.queue.variants import Variant, variants
from medusa.heads.spec import HeadResult, HeadSpec
from medusa.heads.training import loop as train
from medusa.tests.command_line import call, invoke
from medusa.workspace import Workspace

TINY = ("head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1")


def run(root: Path, *words: str) -> str:
    sets = [word for setting in TINY for word in ("--set", setting)]
    return call(root, "fit-head", "--config", "small", *sets, *words).output


def names(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "runs").glob("[!.]*"))


def test_every_combination_occurs_and_seeds_vary_fastest() -> None:
    expanded = variants(("x=1",), "0-1,7", ["head.pooling=mean,attention"])
    assert [variant.ending for variant in expanded] == [
        *("-pooling=mean-s0", "-pooling=mean-s1", "-pooling=mean-s7"),
        *("-pooling=attention-s0", "-pooling=attention-s1", "-pooling=attention-s7"),
    ]
    assert expanded[4].overrides == ("x=1", "head.pooling=attention", "seed=1")
    assert variants(("x=1",), None, []) == [Variant(("x=1",))]


@pytest.mark.parametrize(
    ("seeds", "grid"),
    [
        ("4-0", []),
        ("a", []),
        ("", []),
        (None, ["pooling"]),
        ("0,0", []),
        ("0-999999999", []),
        ("0-4999,5000-10000", []),
        ("0-" + "9" * 5000, []),
        ("0-999", ["a=1,2,3,4,5,6", "b=1,2"]),
        ("0-1", ["seed=1,2"]),
        (None, ["head.width=8", "head.width=16"]),
    ],
)
def test_wrong_lists_are_refused(seeds: str | None, grid: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"--(seeds|grid)"):
        variants((), seeds, grid)


def test_what_varies_is_not_set_for_all_as_well() -> None:
    with pytest.raises(ConfigError, match=r"--set: seed twice"):
        variants(("seed=3",), "0-1", [])
    with pytest.raises(ConfigError, match=r"--set: head\.pooling twice"):
        variants(("head.pooling=mean",), None, ["head.pooling=mean,attention"])


def test_a_grid_trains_resumes_and_does_nothing_twice(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in the third of four heads: the fourth does not exist, the first two stay."""
    words = ("--name", "g", "--seeds", "0-1", "--grid", "head.pooling=mean,attention")
    fitted = []
    real = train.Trainer.fit

    def dies(self: train.Trainer) -> None:
        fitted.append(self.run.path.name)
        if len(fitted) == 3:
            raise KeyboardInterrupt
        real(self)

    monkeypatch.setattr(train.Trainer, "fit", dies)
    with pytest.raises(AssertionError):
        run(workspace, *words)
    finished = workspace / "runs" / "g-pooling=mean-s0" / "weights.safetensors"
    before = os.stat(finished).st_mtime_ns
    output = run(workspace, *words)
    assert fitted[3:] == ["g-pooling=attention-s0", "g-pooling=attention-s1"]
    assert output.count("finished already") == 2
    assert output.count("on balanced draws") == 4 + 1  # of each head, and of their table
    assert os.stat(finished).st_mtime_ns == before
    expected = [f"g-pooling={pool}-s{seed}" for pool in ("attention", "mean") for seed in (0, 1)]
    assert names(workspace) == expected
    fitted.clear()
    run(workspace, *words)
    assert fitted == []


def test_a_head_that_fails_does_not_stop_the_others(workspace: Path) -> None:
    words = ("--name", "g", "--grid", "head.pooling=mean,sum,attention")
    with pytest.raises(MedusaError, match=r"1 of 3 heads.*\n.*g-pooling=sum:[^!]*head\.pooling"):
        run(workspace, *words)
    assert names(workspace) == ["g-pooling=attention", "g-pooling=mean"]


def test_a_head_has_one_name_in_every_message(workspace: Path) -> None:
    words = ("--backbones", "toy-text", "--grid", "head.pooling=meen,mean")
    with pytest.raises(MedusaError, match=r"1 of 2 heads.*\n  toy-text-small-pooling=meen-s0: "):
        run(workspace, *words)
    output = run(workspace, *words[:3], "head.pooling=attention,mean")
    for line in ("head 2 of 2: {}\n", "\n{}: finished already", "\n{}: dev macro-F1"):
        assert line.format("toy-text-small-pooling=mean-s0") in output
    assert "toy-text-small-pooling=mean-s0" in names(workspace)


def test_names_of_seeds_are_those_of_single_heads(workspace: Path) -> None:
    run(workspace, "--seeds", "3")
    expected = names(workspace)
    assert len(expected) == 1
    output = run(workspace, "--set", "seed=3")
    assert "finished already" in output
    assert names(workspace) == expected


def test_a_device_each_gives_the_same_heads(workspace: Path) -> None:
    words = ("--name", "h", "--seeds", "0-2")
    run(workspace, *words, "--jobs", "2")  # as many threads a head, so the same bits
    before = weights(workspace)
    shutil.rmtree(workspace / "runs")
    assert run(workspace, *words, "--device", "cpu,cpu").count("dev macro-F1") == 3
    after = weights(workspace)
    assert before.keys() == after.keys() and len(before) == 3
    for name in before:
        assert all(torch.equal(before[name][key], after[name][key]) for key in before[name])


def weights(workspace: Path) -> dict[str, dict[str, torch.Tensor]]:
    paths = (workspace / "runs").glob("*/weights.safetensors")
    return {path.parent.name: load_file(path) for path in paths}


def kill_new(stop: threading.Event, limit: int) -> None:
    """Kill processes as soon as they are started, until `stop` is set."""
    before = {child.pid for child in active_children()}
    killed: set[int] = set()
    while not stop.wait(0.01) and len(killed) < limit:
        for child in active_children():
            if child.pid and child.pid not in before | killed and len(killed) < limit:
                os.kill(child.pid, signal.SIGKILL)
                killed.add(child.pid)


@pytest.mark.parametrize(("limit", "trained"), [(1, 2), (100, 0)])
def test_a_killed_process_costs_its_head_alone_and_that_only_twice(
    workspace: Path, limit: int, trained: int
) -> None:
    stop = threading.Event()
    killer = threading.Thread(target=kill_new, args=(stop, limit))
    killer.start()
    try:
        words = ("--name", "k", "--seeds", "0-1", "--jobs", "2")
        if trained:
            assert run(workspace, *words).count("dev macro-F1") == 2
        else:
            with pytest.raises(MedusaError, match=r"2 of 2 heads[^!]*killed twice"):
                run(workspace, *words)
    finally:
        stop.set()
        killer.join()
    assert len(list((workspace / "runs").glob("*/finished*"))) == trained


def test_every_device_has_its_process(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def pool(threads: int, begin: Any, words: tuple[Any, ...]) -> ThreadPoolExecutor:
        taken.extend(words)
        return ThreadPoolExecutor(1)

    monkeypatch.setattr(processes, "one_process", pool)
    monkeypatch.setattr(processes, "_attempt_silently", lambda workspace, spec: HeadResult(spec))
    heads = [HeadSpec(str(number), load("small")) for number in range(5)]
    devices = [torch.device("cuda", 0), torch.device("cuda", 1)]
    done = fit_heads(Workspace.open(workspace), heads, devices=devices, jobs=3)
    assert {result.spec.name for result in done} == set("01234") and len(done) == 5
    assert taken == devices * 2  # three processes are made four


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--backbones", ","), "names no backbone"),
        (("--backbones", "toy-audio:layer_99"), "has no 'layer_99'"),
        (("--device", ","), "names no device"),
        (("--device", "gpu"), "gpu: not usable here (expected cpu, cuda, cuda:N, mps or auto)"),
        (("--jobs", "0"), "0 is not in the range"),
    ],
)
def test_what_cannot_be_trained_says_why(
    workspace: Path, words: tuple[str, ...], problem: str
) -> None:
    result = invoke(workspace, "fit-head", *words)
    assert result.exit_code and problem in f"{result.exception} {result.output}"


def test_a_process_killed_between_two_heads_costs_nothing(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed_when_idle(threads: int, begin: Any, words: tuple[Any, ...]) -> Any:
        pool = ThreadPoolExecutor(1)
        first = pool.submit
        calls: list[int] = []

        def submit(*given: Any) -> Any:
            calls.append(1)
            if len(calls) > 1:
                raise BrokenProcessPool("it is gone")
            return first(*given)

        monkeypatch.setattr(pool, "submit", submit)
        return pool

    monkeypatch.setattr(processes, "one_process", killed_when_idle)
    monkeypatch.setattr(processes, "_attempt_silently", lambda workspace, spec: HeadResult(spec))
    heads = [HeadSpec(str(number), load("small")) for number in range(5)]
    cpu = [torch.device("cpu")]
    done = fit_heads(Workspace.open(workspace), heads, devices=cpu, jobs=2)
    assert sorted(result.spec.name for result in done) == list("01234")
    assert not any(result.problem for result in done)
