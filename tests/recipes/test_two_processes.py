"""A recipe, a demo or a simulation runs once in a workspace at a time."""

from pathlib import Path

import pytest

from medusa import lock
from medusa.lock import locked
from medusa.tests.command_line import invoke


@pytest.mark.parametrize(
    ("thing", "words", "doing"),
    [
        ("demo", ["demo"], "running the demo in this folder"),
        ("simulation.json", ["simulate"], "drawing this simulation"),
    ],
)
def test_the_second_command_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thing: str, words: list[str], doing: str
) -> None:
    monkeypatch.setattr(lock, "A_MOMENT_S", 0.0)
    with locked(tmp_path / thing, "testing"):
        result = invoke(tmp_path, *words)
    assert f"{thing}: another process is {doing}; wait" in str(result.exception)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_the_second_run_of_a_recipe_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(lock, "A_MOMENT_S", 0.0)
    monkeypatch.setattr("medusa.recipes.corpus.make_corpus", lambda *arguments: None)
    with locked(tmp_path / "recipes/medusa-14-tiny", "testing"):
        result = invoke(tmp_path, "run", "medusa-14", "--tiny")
    assert "medusa-14-tiny: another process is running this recipe" in str(result.exception)
    assert not (tmp_path / "recipes/medusa-14-tiny").exists()
