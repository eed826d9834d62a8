"""A head far too large for its training rows is named before it is trained."""

import pytest

from medusa.heads.config import load
from medusa.heads.fitting import head_size
from medusa.heads.fitting.fit import prepare
from medusa.heads.fitting.head_size import size_warning
from medusa.heads.networks.head import HEADS
from medusa.heads.spec import HeadSpec
from medusa.tests.command_line import call
from medusa.workspace import Workspace


def warning(workspace, config: str, *settings: str, features=("toy-audio",)) -> str:
    spec = HeadSpec("a", load(config, settings), features)
    return size_warning(prepare(Workspace.open(workspace), spec))


def test_the_sentence_has_the_weights_the_rows_and_the_remedy(workspace, monkeypatch) -> None:
    # The probe of 6 channels has 3 * 6 + 3 class weights, and as many for the attributes.
    monkeypatch.setattr(head_size, "MOST_WEIGHTS_PER_ROW", 1)
    assert warning(workspace, "small", "head.name=probe") == (
        "the head has 42 weights for 40 training utterances, and more than 1 for each are far too "
        "many; take a convex head such as --set head.name=logistic"
    )
    monkeypatch.setattr(head_size, "MOST_WEIGHTS_PER_ROW", 2)
    assert warning(workspace, "small", "head.name=probe") == ""


def test_the_paper_s_head_is_named_and_the_small_one_only_where_it_fits(
    workspace, monkeypatch
) -> None:
    assert "take a convex head" in warning(workspace, "medusa")  # Of 40 rows, small is too large.
    monkeypatch.setattr(head_size, "MOST_WEIGHTS_PER_ROW", 100_000)
    assert "take --config small, or a convex head" in warning(workspace, "medusa")
    assert warning(workspace, "small") == ""


# The toy corpus has no class `neutral`, which the head left out needs.
@pytest.mark.parametrize("name", sorted(HEADS.keys() - {"cross_attention_neutral"}))
def test_every_head_is_counted(workspace, monkeypatch, name: str) -> None:
    monkeypatch.setattr(head_size, "MOST_WEIGHTS_PER_ROW", 0)
    settings = (f"head.name={name}", "head.attention_heads=1", "head.attribute_map=linear")
    found = warning(workspace, "small", *settings, features=("toy-audio", "toy-text"))
    assert bool(found) == (HEADS[name].fitted_by == "steps")


def test_the_command_prints_it_before_training(workspace, monkeypatch) -> None:
    words = ("fit-head", "--config", "small", "--set", "head.name=probe", "--name", "a")
    short = ("--set", "stages.0.epochs=1", "--set", "stages.1.epochs=1")
    monkeypatch.setattr(head_size, "MOST_WEIGHTS_PER_ROW", 1)
    assert "a: the head has " in call(workspace, *words, *short).stderr
    assert "the head has" not in call(workspace, *words, *short).stderr  # It is finished.
