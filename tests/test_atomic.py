import os

import pytest
import torch

from medusa.atomic import atomic, reserve, write_text
from medusa.heads.training.checkpoint import save_weights


def test_an_error_inside_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), atomic(path) as partial:
        partial.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_inside_removes_a_half_written_folder(tmp_path):
    with pytest.raises(OSError, match="full"), atomic(tmp_path / "folder") as partial:
        partial.mkdir()
        (partial / "file").write_text("half")
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


def test_the_new_content_appears_only_at_the_end(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with atomic(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        assert partial.parent == path.parent
        assert partial.name == f".a.txt.{os.getpid()}.partial"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o027, 0o640)])
def test_every_file_has_the_permissions_of_the_umask(tmp_path, umask, mode):
    tensors = tmp_path / "weights.safetensors"
    before = os.umask(umask)
    try:
        save_weights(tensors, torch.nn.Linear(2, 2))
        write_text(tmp_path / "a.txt", "text")
        reserve(tmp_path / "claim")
    finally:
        os.umask(before)
    assert (tmp_path / "claim").stat().st_mode & 0o777 == mode
    assert tensors.stat().st_mode & 0o777 == mode
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == mode


def test_a_folder_gets_its_name(tmp_path):
    with atomic(tmp_path / "folder") as partial:
        partial.mkdir()
        (partial / "file").write_text("whole")
    assert (tmp_path / "folder" / "file").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_first_of_several_writers_wins(tmp_path):
    path = tmp_path / "a.txt"
    with atomic(path, durable=True, keep_first=True) as partial:
        partial.write_text("second")
        path.write_text("first")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_durable_file_and_its_folder_reach_the_disk_in_this_order(tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(
        os, "fsync", lambda file: steps.append(os.path.isdir(f"/proc/self/fd/{file}"))
    )
    with atomic(tmp_path / "a.txt", durable=True) as partial:
        partial.write_text("text")
    assert steps == [False, True]


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path):
    with (
        pytest.raises(OSError, match=r"File too large: .*/a\.txt") as found,
        atomic(tmp_path / "a.txt"),
    ):
        raise OSError(27, "File too large")
    assert found.value.filename == str(tmp_path / "a.txt") and not list(tmp_path.iterdir())
