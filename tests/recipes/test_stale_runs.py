"""Whatever a run depends on is changed: no row is lost in silence, and its reason is the change."""

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pytest

import medusa
from medusa.errors import MedusaError
from medusa.manifests import LabelScheme, Manifest
from medusa.reports.tables.result_table import markdown
from medusa.tests.recipes import toy_recipe
from medusa.tests.recipes.toy_recipe import SETTINGS, call, rows_of, splits_of

RECIPE = (
    SETTINGS
    + """\
heads: {a: {features: [loud]}, b: {features: [glad]}}
stacks: {vote: {method: majority}}
"""
)
CLASSES = ("angry", "happy")
COUNT = 48


def write_store(home: Path, name: str, revision: str, contents: list[str]) -> None:
    rng = np.random.default_rng(0)
    toy_recipe.write_store(
        home, name, contents, lambda _: rng.normal(size=(1, 3, 6)), revision=revision
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    frame = rows_of(np.arange(COUNT) // 12 % 2, CLASSES, 12)
    frame["split"] = splits_of(COUNT)
    frame[["arousal", "valence", "dominance"]] = 4.0
    Manifest(frame, LabelScheme("toy", CLASSES)).write(tmp_path / "manifest.parquet")
    for name in ("loud", "glad"):
        write_store(tmp_path, name, "1", frame["content"].tolist())
    (tmp_path / "toy.yaml").write_text(RECIPE)
    return tmp_path


def missing(home: Path) -> dict[str, str]:
    """Return the reason of every task without a run; the names of runs are shortened."""
    rows = csv.reader(io.StringIO(call(home, "tables", "--format", "csv")))
    return {row[1]: row[2] for row in rows if row and row[0] == "Missing" and row[1]}


def stale(reasons: dict[str, str], task: str) -> str:
    run, _, reason = reasons[task].partition(" is stale: ")
    assert run.startswith(f"toy.{task}.")
    return reason


def test_a_changed_manifest_is_the_reason(home: Path) -> None:
    call(home, "run")
    assert missing(home) == {}
    corpus = Manifest.read(home / "manifest.parquet")
    corpus.frame.loc[0, "arousal"] = 5.0
    corpus.write(home / "manifest.parquet")
    with pytest.raises(MedusaError, match=r"a: toy\.a\.\w+ is stale: the manifest has changed"):
        call(home, "tables")
    printed = call(home, "run", "--only", "a")
    assert "up to date" not in printed and "the manifest has changed" in printed
    assert stale(missing(home), "b") == "the manifest has changed"
    assert missing(home)["vote"] == "its members have no run: b"
    call(home, "run")
    assert missing(home) == {}


def test_another_store_is_the_reason(home: Path) -> None:
    call(home, "run")
    (old,) = (home / "features").glob("loud-*")
    shutil.rmtree(old)
    assert "no features of 'loud'" in missing(home)["a"]
    write_store(home, "loud", "2", [f"audio{i}" for i in range(COUNT)])
    reasons = missing(home)
    assert set(reasons) == {"a", "vote"} and stale(reasons, "a") == "the features have changed"
    assert "up to date, nothing to do" not in call(home, "run")


def test_a_changed_member_is_the_reason(home: Path) -> None:
    call(home, "run")
    (home / "toy.yaml").write_text(RECIPE.replace("[loud]}", "[loud], set: {seed: 7}}"))
    assert stale(missing(home), "a") == "seed: the run has 0; this command has 7"
    assert "its members have changed" in call(home, "run", "--only", "a")
    reasons = missing(home)
    assert set(reasons) == {"vote"} and stale(reasons, "vote") == "its members have changed"
    shutil.rmtree(next((home / "runs").glob("toy.b.*")))
    assert missing(home)["b"] == "it has no finished run with these settings and data yet"


def test_features_that_were_missing_are_the_reason(home: Path) -> None:
    contents = [f"audio{i}" for i in range(COUNT)]
    shutil.rmtree(next((home / "features").glob("loud-*")))
    write_store(home, "loud", "1", contents[1:])
    call(home, "run", "--missing", "drop")
    assert missing(home) == {}
    assert "up to date, nothing to do" in call(home, "run", "--missing", "drop")
    write_store(home, "loud", "1", contents[:1])
    with pytest.raises(
        MedusaError, match=r"a: .*the number of utterances with features has changed"
    ):
        call(home, "tables")
    assert "up to date, nothing to do" not in call(home, "run", "--missing", "drop")
    assert missing(home) == {}


def test_runs_of_another_format_of_the_code_are_stale(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(home, "run")
    for module in ("heads.fitting.record", "recipes.identity", "recipes.state"):
        monkeypatch.setattr(f"medusa.{module}.FORMAT", 2)
    with pytest.raises(
        MedusaError, match=r"b: toy\.b\.\w+ is stale: code of another format made it"
    ):
        call(home, "tables")
    assert "up to date, nothing to do" not in call(home, "run")
    assert missing(home) == {} and len(list((home / "runs").glob("toy.*"))) == 6


def test_a_program_gets_the_runs_and_tables_and_nothing_is_printed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace, recipe = medusa.Workspace.open(home), str(home / "toy.yaml")
    options = medusa.RecipeOptions(device="cpu")
    one = medusa.run_recipe(workspace, recipe, options)
    assert one.fresh and not one.problems and (one.folder / "tables.md").exists()
    assert list(one.runs) == ["a", "b"] and list(one.stacks) == ["vote"]
    assert [table.title for table in one.tables] == ["Heads", "Ensembles"]
    again = medusa.run_recipe(workspace, recipe, options)
    assert not again.fresh and (again.runs, again.stacks) == (one.runs, one.stacks)
    assert list(map(markdown, again.tables)) == list(map(markdown, one.tables))
    assert capsys.readouterr() == ("", "")


class Killed(BaseException):
    pass


def test_the_tables_of_a_run_that_was_interrupted_have_its_finished_parts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*values: object, **options: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("medusa.recipes.update.fit_stacks", stopped)
        with pytest.raises(Killed):
            call(home, "run")
    assert "a  loud" in call(home, "tables")
    assert missing(home) == {"vote": "it has no finished run with these settings and data yet"}
