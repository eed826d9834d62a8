"""Run folders: a damaged file is named, and a name is one folder."""

from pathlib import Path

import pytest
import torch

from medusa.errors import ConfigError, RunError
from medusa.heads.runs.config_digest import difference, digest_of
from medusa.heads.runs.run_dir import RunDir, finished_run, identity, new_run
from medusa.heads.training.checkpoint import load_weights, save_weights


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
