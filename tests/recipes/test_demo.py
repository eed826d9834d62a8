from pathlib import Path

import pytest
import torch

from medusa.cli import COMMANDS
from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests.manifest import Manifest
from medusa.recipes.demo import session
from medusa.recipes.demo.claim import MARK, claim
from medusa.recipes.demo.run import demo
from medusa.recipes.synthetic.corpus import NOTE
from medusa.seal import read_sealed_json

SETTINGS: dict[str, object] = {"seed": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace") / "new"
    demo(root, session.TINY, seed=0)
    return root


def test_demo_makes_features_of_all_five_backbones(folder: Path) -> None:
    stores = [path.name.rsplit("-", 1)[0] for path in (folder / "features").glob("*.zarr")]
    assert sorted(stores) == sorted(session.BACKBONES)


def test_heads_and_stack_are_finished_and_tell_test_speakers_apart(folder: Path) -> None:
    for name in (*session.TINY.heads, session.STACK):
        run = RunDir(folder / "runs" / name)
        assert len(run.predictions().frame) == session.TINY.size.utterances
        stages = {line["stage"] for line in run.metrics()}
        assert stages == (set() if name == session.STACK else {"full", "balanced"})
    frame = Manifest.read(folder / "manifest.parquet").frame
    assert (frame.groupby("speaker")["split"].nunique() == 1).all()


def test_report_and_runs_say_that_it_is_made_up(folder: Path) -> None:
    assert NOTE in (folder / session.REPORT).read_text(encoding="utf-8")
    assert NOTE in RunDir(folder / "runs" / session.STACK).read_json("summary.json")["notes"]


@pytest.mark.usefixtures("shown")
def test_a_complete_demo_only_prints_its_results(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _times(folder)
    threads = torch.get_num_threads()
    demo(folder, session.TINY, seed=0)
    assert torch.get_num_threads() == threads
    printed = capsys.readouterr()
    assert _times(folder) == before
    assert "nothing to do" in printed.err
    assert "guessing by the training prior" in printed.out
    assert f"report: {folder / session.REPORT}" in printed.out


def test_an_interrupted_demo_goes_on_where_it_stopped(folder: Path) -> None:
    (folder / session.REPORT).unlink()
    last = session.TINY.heads[-1]
    for name in (last, session.STACK):
        (folder / "runs" / name / "finished").unlink()
    before = _times(folder)
    demo(folder, session.TINY, seed=0)
    after = _times(folder)
    assert (folder / session.REPORT).exists()
    kept = [
        path for path in before if "features" in path.parts or session.TINY.heads[0] in path.parts
    ]
    assert all(before[path] == after[path] for path in kept)


def test_every_command_is_one_that_a_user_can_type() -> None:
    lines = list(session.commands(Path("demo"), session.FULL))
    assert {words[0] for words in lines} <= set(COMMANDS)
    assert len([words for words in lines if words[0] == "fit-head"]) == len(session.HEADS)


def test_claim_takes_a_new_folder_and_its_own_again(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b"
    claim(root, SETTINGS, force=False)
    (root / "audio").mkdir()
    claim(root, SETTINGS, force=False)
    assert read_sealed_json(root / MARK, "") == SETTINGS


def test_claim_refuses_what_no_demo_made_even_by_force(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    for force in (False, True):
        with pytest.raises(MedusaError, match="holds features, which no demo made"):
            claim(tmp_path, SETTINGS, force)
    assert (tmp_path / "features").exists()
    assert not (tmp_path / MARK).exists()


def test_claim_replaces_another_demo_only_by_force(tmp_path: Path) -> None:
    claim(tmp_path, SETTINGS, force=False)
    (tmp_path / "runs").mkdir()
    (tmp_path / "mine.txt").touch()
    with pytest.raises(MedusaError, match="--force"):
        claim(tmp_path, {"seed": 1}, force=False)
    claim(tmp_path, {"seed": 1}, force=True)
    assert not (tmp_path / "runs").exists()
    assert (tmp_path / "mine.txt").exists()
    assert read_sealed_json(tmp_path / MARK, "") == {"seed": 1}


def _times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
