"""Recipes: read strictly, every mistake at once; what they ask for, one by one."""

import pytest

from medusa.heads.fit import check_choices
from medusa.recipes.files import RecipeError, shipped
from medusa.recipes.recipe import config_of, features_of, load
from medusa.recipes.work import head_tasks, stack_tasks

SMALL = """
title: small
config: small
set: {head.width: 8}
features: {wavlm: {}, roberta: {}}
heads:
  a: {features: [wavlm], set: {seed: 3}}
  b: {features: [wavlm, roberta]}
stacks: {soup: {}, few: {heads: [b]}}
ablations:
  plain: {set: {mixup.p: 0.0}}
  other: {features: {wavlm: roberta}, heads: [a]}
repeats: 2
"""


def write(path, text):
    file = path / "mine.yaml"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize("tiny", [False, True])
@pytest.mark.parametrize("name", shipped())
def test_shipped_recipes_are_whole(name, tiny):
    recipe = load(name, tiny=tiny)
    assert recipe.title and recipe.source and recipe.faithful and recipe.chosen and recipe.rules
    for task in head_tasks(recipe):
        check_choices(task.config)


def test_table_one():
    recipe = load("medusa-14")
    heads = list(head_tasks(recipe))
    assert len(heads) == 14 and len({task.config.seed for task in heads}) == 14
    letters = {"wavlm": "W", "hubert": "H", "whisper": "Wh", "roberta": "R", "modernbert": "MB"}
    kinds = ["+".join(letters[one] for one in task.features) for task in heads]
    table = "H+R W+H+R W+Wh+H W+MB W+R W+R W+R W+R Wh+MB Wh+MB Wh+R Wh+R Wh+W Wh+W+MB"
    assert kinds == table.split()
    average = sum(head.published["macro_f1"] for head in recipe.heads.values()) / 14
    assert average == pytest.approx(0.413, abs=0.001)  # as the paper says
    assert {task.config.mixup.p for task in heads} == {0.3}


def test_an_extending_recipe_keeps_the_heads():
    assert load("medusa-ensembles").heads == load("medusa-14").heads
    stacks = load("medusa-ensembles").stacks
    assert {name for name, one in stacks.items() if not one.published} == {"product", "pool"}
    assert len(stacks) == 12 + 2


def test_what_is_extended_is_beside_by_path_or_shipped(tmp_path):
    (tmp_path / "deeper").mkdir()
    base = tmp_path / "deeper" / "base.yaml"
    base.write_text(SMALL)
    for name in ("deeper/base", "deeper/base.yaml", str(base)):
        assert set(load(write(tmp_path, f"extends: {name}\ntitle: t\n")).heads) == {"a", "b"}
    same = tmp_path / "medusa-14.yaml"  # its own name: the shipped one is meant
    same.write_text("extends: medusa-14\ntitle: mine\n")
    assert load(str(same)).title == "mine" and len(load(str(same)).heads) == 14
    base.write_text("- a list\n")
    with pytest.raises(RecipeError, match=r"base.yaml: expected `key: value` lines"):
        load(write(tmp_path, "extends: deeper/base\n"))
    base.write_text("extends: ../mine\n")
    with pytest.raises(RecipeError, match="no recipe 'nowhere'"):
        load(write(tmp_path, "extends: nowhere\n"))
    with pytest.raises(RecipeError, match="which extends it in turn"):
        load(write(tmp_path, "extends: deeper/base\n"))


def test_every_task_of_every_repeat(tmp_path):
    recipe = load(write(tmp_path, SMALL))
    names = [task.name for task in head_tasks(recipe)]
    assert names == [
        *("a", "b", "a.plain", "b.plain", "a.other"),
        *("a.r1", "b.r1", "a.plain.r1", "b.plain.r1", "a.other.r1"),
    ]
    assert [task.name for task in head_tasks(recipe, ablations=False)] == ["a", "b", "a.r1", "b.r1"]
    assert [(task.name, task.members) for task in stack_tasks(recipe)] == [
        ("soup", ("a", "b")),
        ("few", ("b",)),
        ("soup.r1", ("a.r1", "b.r1")),
        ("few.r1", ("b.r1",)),
    ]
    assert config_of(recipe, "a", repeat=1).seed == 1003
    assert config_of(recipe, "a", "plain").mixup.p == 0 != config_of(recipe, "a").mixup.p
    assert features_of(recipe, "a", "other") == ("roberta",)


def test_settings_go_to_all_one_or_an_ensemble(tmp_path):
    path = write(tmp_path, SMALL)
    recipe = load(path, ["mixup.p=0.1", "heads.a.seed=7", "stacks.few.seeds=2"])
    assert config_of(recipe, "a").mixup.p == config_of(recipe, "b").mixup.p == 0.1
    assert config_of(recipe, "a").seed == 7 and config_of(recipe, "b").seed == 0
    assert recipe.stacks["few"].seeds == 2 and recipe.stacks["soup"].seeds == 6


def test_all_mistakes_at_once(tmp_path):
    wrong = SMALL.replace("features: [wavlm]", "features: [wavml]").replace(
        "heads: [b]", "heads: [c*]"
    )
    wrong = wrong.replace("head.width: 8", "head.widht: 8")
    with pytest.raises(RecipeError) as problem:
        load(write(tmp_path, wrong), ["haeds.a.seed=1", "heads.x.seed=1", "nothing"])
    message = str(problem.value)
    for part in (
        "did you mean 'wavlm'",
        "'c*' fits no head",
        "did you mean 'width'",
        "haeds: unknown",
        "heads.NAME.key=value",
        "--set nothing: expected key=value",
    ):
        assert part in message, part
    with pytest.raises(RecipeError, match="did you mean 'medusa-14'"):
        load("medusa-15")
    with pytest.raises(RecipeError, match="titel: unknown"):
        load(write(tmp_path, SMALL.replace("title", "titel")))


def test_the_tiny_profile_wins_over_every_heads_own_settings():
    recipe = load("medusa-14", tiny=True)
    assert {config_of(recipe, head).head.width for head in recipe.heads} == {16}
    swapped = load("ueda-2025", tiny=True)
    used = {one for head in swapped.heads.values() for one in head.features}
    assert used == {"hubert", "wavlm", "whisper", "roberta", "modernbert", "logmel"}
    assert set(swapped.features) == used
