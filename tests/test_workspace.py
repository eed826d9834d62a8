"""A workspace's places, and what may be wrong in its `medusa.yaml`."""

import os

import pytest

from medusa.errors import ConfigError, MedusaError
from medusa.workspace import Workspace, checked_name, remove, require_utf_8


def test_places_are_relative_to_the_workspace(tmp_path):
    (tmp_path / "medusa.yaml").write_text("features: ../shared/features\n")
    place = Workspace.open(tmp_path)
    assert place.features == tmp_path / "../shared/features"
    assert place.runs == tmp_path / "runs"


def test_further_folders_of_features_are_on_disks_or_in_buckets(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "medusa.yaml").write_text("also_features: [other, s3://speech/b/features]\n")
    place = Workspace.open(tmp_path)
    assert list(map(str, place.feature_folders)) == [
        f"{tmp_path}/features", f"{tmp_path}/other", "s3://speech/b/features"
    ]  # fmt: skip


def test_checkpoints_are_paths_below_the_workspace_or_hub_ids(tmp_path):
    (tmp_path / "w.pt").touch()
    (tmp_path / "medusa.yaml").write_text("checkpoints: {whisper: w.pt, wavlm: me/mine}\n")
    workspace = Workspace.open(tmp_path)
    assert workspace.checkpoint("whisper") == str(tmp_path / "w.pt")
    assert workspace.checkpoint("wavlm") == "me/mine"
    assert workspace.checkpoint("hubert") is None
    assert hash(workspace) == hash(Workspace.open(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run: x\n", r"unknown run \(did you mean 'runs'\?\)"),
        ("- runs\n", "expected `name: path` lines, got list"),
        ("runs: [\n", "not readable as YAML"),
        ("runs:\nfeatures: 3\n", "expected a path and got runs: None, features: 3"),
        ("checkpoints: x.pt\n", "expected `backbone: path or hub id` lines below checkpoints"),
        ("also_features: x\n", r"expected a list of folders as also_features"),
        ("also_features: [3]\n", r"expected a path and got also_features\[0\]: 3"),
        ("also_features: [nowhere]\n", r"also_features: .*nowhere is no folder"),
        ("checkpoints: {whisper: 3}\n", "expected a path and got checkpoints.whisper: 3"),
    ],
)
def test_mistakes_name_the_file_and_the_expectation(tmp_path, text, message):
    (tmp_path / "medusa.yaml").write_text(text)
    with pytest.raises(MedusaError, match=message) as caught:
        Workspace.open(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "medusa.yaml"))


@pytest.mark.parametrize("target", ["medusa.yaml", "nowhere.yaml", "."])
def test_settings_that_are_a_link_without_a_file_or_a_folder_are_refused(tmp_path, target):
    (tmp_path / "medusa.yaml").symlink_to(target)
    with pytest.raises(ConfigError, match=r"medusa\.yaml: not readable as YAML"):
        Workspace.open(tmp_path)


def test_a_workspace_is_a_folder_that_is_there(tmp_path):
    with pytest.raises(MedusaError, match="no such folder"):
        Workspace.open(tmp_path / "nope")


def test_what_is_thrown_away_is_out_of_sight_before_it_is_gone(tmp_path, monkeypatch):
    run, seen = tmp_path / "run", []
    run.mkdir()
    monkeypatch.setattr("shutil.rmtree", lambda path: seen.append((run.exists(), path.exists())))
    remove(run)
    remove(run)  # there is none any more
    assert seen == [(False, True)]


@pytest.mark.parametrize("name", ["large-v3", "a", "7", "my_run.2", "wavlm+roberta", "lr=0.1"])
def test_names_of_one_word_become_files(name):
    assert checked_name("--name", name) == name


@pytest.mark.parametrize(
    "name",
    (
        *("", ".", "..", ".x", "-x", "a/b", "../manifest", "/tmp/x", "a\\b", "a b", "a,b", "a\n"),
        *("a\0", "x" * 101, "\udcf6", "a:b", "*"),
    ),
)
def test_names_that_would_be_another_path_are_refused(name):
    with pytest.raises(ConfigError, match=r"--name .*: expected one word"):
        checked_name("--name", name)


def test_names_that_are_not_utf_8_are_shown_with_their_bytes(tmp_path):
    odd = tmp_path / os.fsdecode(b"J\xf6rg")
    odd.mkdir()
    for path in (odd, odd / "sound.wav", str(odd)):
        with pytest.raises(MedusaError, match=r"J\\xf6rg.*: the name is not UTF-8, .*rename"):
            require_utf_8(tmp_path, path)
    with pytest.raises(MedusaError, match="not UTF-8"):
        Workspace.open(odd)
    require_utf_8(tmp_path / "Jörg 悲しい")
