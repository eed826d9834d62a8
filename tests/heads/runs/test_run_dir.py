"""Run folders: a damaged file is named, and a name is one folder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from medusa.errors import ConfigError, RunError
from medusa.heads.runs.config_digest import difference, digest_of
from medusa.heads.runs.run_dir import RunDir, finished_run, identity, new_run
from medusa.heads.runs.run_seal import damages
from medusa.heads.training.checkpoint import load_weights, save_weights
from medusa.scoring import Predictions


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("summary.json", "{"),
        ("summary.json", None),
        ("summary.json", "[]"),
        ("config.yaml", "a: ["),
        ("config.yaml", "junk"),
        ("config.yaml", ""),
        ("metrics.jsonl", "{}\nno\n"),
    ],
)
def test_a_damaged_run_names_the_file_and_the_remedy(
    tmp_path: Path, name: str, text: str | None
) -> None:
    run = RunDir(tmp_path / "run")
    run.path.mkdir()
    run.write_json("config.yaml", {})
    if text is not None:
        (run.path / name).write_text(text)
    read = {"summary.json": lambda: run.read_json(name), "config.yaml": run.config}
    with pytest.raises(RunError, match=rf"{name}: .*make the run again with --force"):
        read.get(name, run.metrics)()


def test_a_line_that_was_being_written_is_no_damage(tmp_path: Path) -> None:
    RunDir(tmp_path).log(epoch=1)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "lo')
    assert RunDir(tmp_path).metrics() == [{"epoch": 1}]


def test_weights_cut_short_are_named(tmp_path: Path) -> None:
    path, layer = tmp_path / "weights.safetensors", torch.nn.Linear(2, 2)
    save_weights(path, layer)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(RunError, match=r"weights\.safetensors: .*with --force"):
        load_weights(path, layer)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a", "a/b", "/tmp/a", ".hidden", "-a", "a b", "a\n", "a" * 201]
)
def test_a_run_is_one_folder_inside_runs(tmp_path, name):
    with pytest.raises(ConfigError, match=r"--name .*: expected one word"):
        new_run(tmp_path / "runs", name)


def test_the_format_of_the_code_is_part_of_a_configuration_from_2_on() -> None:
    old = {"kind": "head", "seed": 0}
    assert digest_of(old | {"format": 1}) == digest_of(old) != digest_of(old | {"format": 2})
    problem = "format: the run has None; this command has 2"
    assert difference(old | {"format": 1}, old | {"format": 2}) == problem


def test_a_record_has_the_finished_run_whose_name_ends_with_its_identity(tmp_path: Path) -> None:
    record = {"kind": "head", "seed": 0}
    first, second = (new_run(tmp_path, f"{name}.{identity(record)}") for name in "ab")
    assert identity(record) == digest_of(record)[:12] and finished_run(tmp_path, record) is None
    for run in (first, second):
        run.start(record)
    second.finish()
    assert finished_run(tmp_path, record) == second
    assert finished_run(tmp_path, record | {"seed": 1}) is None


@pytest.fixture
def finished(tmp_path: Path) -> RunDir:
    """A finished run with a file of each kind."""
    run = RunDir(tmp_path / "runs" / "a")
    run.start({"kind": "head", "seed": 0})
    run.log(epoch=1)
    run.write_json("summary.json", {"dev_macro_f1": 0.5})
    save_weights(run.path / "weights.safetensors", torch.nn.Linear(2, 2))
    table = Predictions.of(["u"], ["dev"], np.ones((1, 2)), None, ("a", "b"), run.digest())
    table.write(run.path / "predictions.parquet")
    (run.path / "gone").write_text("checkpoint")
    run.finish(leave_out=("gone",))
    (run.path / "gone").unlink()
    return run


READERS = {
    "summary.json": lambda run: run.read_json("summary.json"),
    "environment.json": lambda run: run.read_json("environment.json"),
    "config.yaml": RunDir.config,
    "metrics.jsonl": RunDir.metrics,
    "predictions.parquet": RunDir.predictions,
    "weights.safetensors": lambda run: run.file("weights.safetensors"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_file_of_another_run_or_with_a_flipped_bit_is_refused(
    finished: RunDir, name: str
) -> None:
    READERS[name](finished)
    assert [*damages(finished.path)] == []
    whole = (finished.path / name).read_bytes()
    flipped = bytes([whole[0] ^ 1]) + whole[1:]
    for other in (flipped, whole + b" ", whole[:-1]):
        (finished.path / name).write_bytes(other)
        with pytest.raises(RunError, match=rf"{name}: expected the file that .*with --force"):
            READERS[name](finished)
        assert len([*damages(finished.path)]) == 1
    (finished.path / name).unlink()
    assert "missing from the run" in next(damages(finished.path))


def test_every_flip_in_the_seal_is_found_and_an_empty_mark_is_an_older_run(
    finished: RunDir,
) -> None:
    mark = finished.path / "finished"
    whole = mark.read_bytes()
    for position in range(0, len(whole), 7):
        mark.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        assert len([*damages(finished.path)]) == 1
        with pytest.raises(RunError, match="finished: damaged"):
            finished.predictions()
    mark.write_text("")
    (finished.path / "summary.json").write_text("{}")
    assert finished.read_json("summary.json") == {} and finished.finished


def test_weights_of_another_run_or_with_a_flipped_bit_are_refused(tmp_path: Path) -> None:
    path, layer = tmp_path / "best.safetensors", torch.nn.Linear(2, 2)
    save_weights(path, layer, "aaaa")
    load_weights(path, layer, "aaaa")
    with pytest.raises(RunError, match="it belongs to the run aaaa, not to bbbb"):
        load_weights(path, layer, "bbbb")
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(RunError, match=r"best.safetensors: .*with --force"):
            load_weights(path, layer, "aaaa")
    save_file(layer.state_dict(), path)  # Older runs wrote neither a seal nor a run.
    load_weights(path, layer, "aaaa")
