"""A workspace's places, and what may be wrong in its `medusa.yaml`."""

import pytest

from medusa.errors import MedusaError
from medusa.workspace import Workspace, remove


def test_places_are_relative_to_the_workspace(tmp_path):
    (tmp_path / "medusa.yaml").write_text("features: ../shared/features\n")
    place = Workspace.open(tmp_path)
    assert place.features == tmp_path / "../shared/features"
    assert place.runs == tmp_path / "runs"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run: x\n", r"unknown run \(did you mean 'runs'\?\)"),
        ("- runs\n", "expected `name: path` lines, got list"),
        ("runs: [\n", "not readable as YAML"),
        ("runs:\nfeatures: 3\n", "expected a path and got runs: None, features: 3"),
    ],
)
def test_mistakes_name_the_file_and_the_expectation(tmp_path, text, message):
    (tmp_path / "medusa.yaml").write_text(text)
    with pytest.raises(MedusaError, match=message) as caught:
        Workspace.open(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "medusa.yaml"))


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
