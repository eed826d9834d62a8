"""Recipes: read strictly, every mistake at once; what they ask for, one by one."""

import pytest

from medusa.errors import ConfigError
from medusa.heads.fitting.check_choices import check_choices
from medusa.recipes.definition.files import shipped
from medusa.recipes.definition.load import load
from medusa.recipes.definition.recipe import config_of, features_of
from medusa.recipes.tasks import head_tasks, stack_tasks
from medusa.tests.command_line import call

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


def refusal(*given):
    """Return what loading such a recipe is refused with."""
    with pytest.raises(ConfigError) as problem:
        load(*given)
    return str(problem.value)


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


@pytest.mark.parametrize("name", ["medusa-14", "medusa-16", "medusa-ensembles", "medusa-ablations"])
def test_the_rate_is_that_of_section_4_in_both_stages(name):
    rates = [[stage.lr for stage in task.config.stages] for task in head_tasks(load(name))]
    assert rates and all(each == [1e-5, 1e-5] for each in rates)


def test_ueda_reads_the_last_layers_and_selects_on_dev_as_it_is():
    recipe = load("ueda-2025")
    last = {name for name, feature in recipe.features.items() if feature.layers == "last"}
    assert last == {"whisper", "roberta", "deberta"}
    for task in head_tasks(recipe):
        assert task.config.loss.classes == "ce_by_weight"
        assert task.config.train.selection == "natural"
        assert task.config.train.patience >= task.config.stages[0].epochs
        prosody, second = "prosody" in task.head, task.head.endswith("-ii")
        assert task.config.head.heads_by_modality == ((1, 1, 2) if prosody else (1,))
        name = "cross_attention_neutral" if second else "cross_attention"
        assert task.config.head.name == name
        assert task.config.loss.neutral_weight == float(second)


def test_the_baseline_has_a_score_of_two_layers():
    (task,) = head_tasks(load("is2025-baseline"))
    assert task.config.head.pooling == "attentive_statistics"


def test_the_facts_of_stage_3_are_listed_as_chosen():
    chosen = " ".join(load("medusa-14").chosen)
    for fact in ("learns from dev", "1,000 steps", "no epoch is selected", "4 + 3 z", "whole"):
        assert fact in chosen


def test_an_extending_recipe_keeps_the_heads():
    assert load("medusa-ensembles").heads == load("medusa-14").heads
    stacks = load("medusa-ensembles").stacks
    assert {name for name, one in stacks.items() if not one.published} == {
        "product",
        "opinion-pool",
    }
    assert len(stacks) == 12 + 2


def test_more_is_added_to_what_is_extended(tmp_path):
    sixteen = load("medusa-16")
    added = {"voice", "words"}
    assert set(sixteen.heads) == set(load("medusa-14").heads) | added
    assert set(sixteen.stacks) == {"soup", "opinion-pool"}
    runs = {task.stack: task.members for task in stack_tasks(sixteen)}
    assert runs["soup"] == tuple(task.name for task in head_tasks(load("medusa-14")))
    assert set(runs["opinion-pool"]) - set(runs["soup"]) == added
    write(tmp_path, SMALL)
    one = tmp_path / "one.yaml"
    one.write_text(
        "extends: mine\nmore: {heads: {c: {features: [roberta]}, b: {features: [wavlm]}}}"
    )
    recipe = load(str(one))
    assert list(recipe.heads) == ["a", "b", "c"] and recipe.heads["b"].features == ("wavlm",)
    one.write_text("extends: mine\nmore: {head: {c: {}}}")
    assert "more.head: expected one of heads, stacks, ablations (did you" in refusal(str(one))
    one.write_text("extends: mine\nmore: [heads]")
    assert "more: expected the keys heads, stacks, ablations, got [" in refusal(str(one))
    one.write_text("extends: mine\nmore: {heads: [c], set: {seed: 1}, stacks: }")
    message = refusal(str(one))
    assert (
        "more.heads: expected `name: {...}` for each" in message
        and "more.set: expected one of" in message
    )
    one.write_text("heads: [a]\nmore: {heads: {c: {}}}")
    assert "heads: expected" in refusal(str(one))


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
    with pytest.raises(ConfigError, match=r"base.yaml: expected `key: value` lines"):
        load(write(tmp_path, "extends: deeper/base\n"))
    base.write_text("extends: ../mine\n")
    with pytest.raises(ConfigError, match="no recipe 'nowhere'"):
        load(write(tmp_path, "extends: nowhere\n"))
    with pytest.raises(ConfigError, match="which extends it in turn"):
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
    message = refusal(
        write(tmp_path, wrong), ["haeds.a.seed=1", "heads.x.seed=1", "heads.a=1", "nothing"]
    )
    for part in (
        "did you mean 'wavlm'",
        "'c*' fits no head",
        "did you mean 'width'",
        "haeds: unknown",
        "--set heads.x.seed=1: no head 'x'; expected one of a, b",
        "--set heads.a=1: expected heads.NAME.key=value",
        "--set nothing: expected key=value",
    ):
        assert part in message, part
    with pytest.raises(ConfigError, match=r"did you mean 'medusa-1[46]'"):
        load("medusa-15")
    with pytest.raises(ConfigError, match="titel: unknown"):
        load(write(tmp_path, SMALL.replace("title", "titel")))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{wavlm: roberta}", "{wavml: roberta}", "ablations.other.features: 'wavml' is read by no"),
        ("{wavlm: roberta}", "{roberta: wavlm}", "'roberta' is read by none of its heads"),
        ("{wavlm: roberta}", "{wavlm: robreta}", "'robreta' is not in features (did you mean 'ro"),
        ("repeats: 2", "repeats: 0", "repeats 0: expected at least 1"),
        ("repeats: 2", "shots: 5", "shots 5: expected repeats of 2 or more, because one draw"),
        ("repeats: 2", "repeats: 2\nshots: 0", "train.shots: expected at least 1, got 0"),
        (
            "{wavlm: {}",
            "{wavlm: {average_frames: 3}",
            "features.wavlm.average_frames 3: expected one of (1, 2, 4)",
        ),
        ("{wavlm: {}", "{wavlm: {window_s: .5}", "features.wavlm.window_s 0.5: expected at least"),
        ("soup: {}", "soup: {method: majorty}", "method: 'majorty' is not one of shrunken, linear"),
        ("soup: {}", "soup: {inputs: logit}", "stacks.soup.inputs: 'logit' is not one of poster"),
        ("soup: {}", "soup: {soup: greed}", "'greed' is not one of uniform, greedy"),
        ("soup: {}", "soup: {seeds: 0}", "stacks.soup.seeds 0: expected at least 1"),
        ("soup: {}", "soup: {top: 3}", "stacks.soup.top 3: expected 1 to 2, the number of its"),
        ("heads: [b]}", "heads: [b], top: 0}", "stacks.few.top 0: expected 1 to 1"),
        ("  b: {features", "  a: {features", "'a' twice; rename or remove one"),
        ("{seed: 3}", "{seed: 2020-01-01}", "heads.a.set.seed: expected a number, text, true or"),
        ("  b: {features", "  ../../b: {features", "heads: '../../b': expected one word"),
        ("  b: {features", "  b c: {features", "heads: 'b c': expected one word"),
        ("  b: {features", f"  {'n' * 300}: {{features", "expected one word of letters"),
        ("{soup: {}", "{/soup: {}", "stacks: '/soup': expected one word"),
    ],
)
def test_what_would_be_found_late_is_found_at_once(tmp_path, old, new, said):
    assert SMALL.count(old) == 1
    assert said in refusal(write(tmp_path, SMALL.replace(old, new)))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("mixup.p=[0", "--set mixup.p=[0: the value is not readable as YAML"),
        ("seed=2020-01-01", "--set seed=2020-01-01: expected a number"),
        ("seed=2020-13-01", "--set seed=2020-13-01: the value is not readable as YAML"),
        ("stacks.soup.seeds=many", "stacks.soup.seeds: expected int, got 'many'"),
        ("stacks.soup.top=3", "stacks.soup.top 3: expected 1 to 2"),
    ],
)
def test_settings_that_cannot_be_are_no_tracebacks(tmp_path, setting, said):
    assert said in refusal(write(tmp_path, SMALL), [setting])


def test_a_setting_for_all_heads_is_so_for_those_that_set_it_themselves(tmp_path):
    path = write(tmp_path, SMALL)
    recipe = load(path, ["heads.b.seed=7", "seed=5"])  # what is said of one head stays
    assert [config_of(recipe, head).seed for head in "ab"] == [5, 7]
    assert config_of(load(path, ["mixup.p=0.1"]), "a", "plain").mixup.p == 0  # an ablation stays
    assert config_of(load("medusa-14", ["head.width=256"]), "m06").head.width == 256


def test_tiny_keeps_a_feature_that_an_ablation_alone_names(tmp_path):
    text = SMALL.replace("{wavlm: {}", "{wavlm: {}, hubert: {}, deberta: {}")
    text = text.replace("{wavlm: roberta}", "{wavlm: hubert}")
    text += "  more: {features: {wavlm: deberta}}\ntiny: {features: {deberta: modernbert}}\n"
    text = text.replace("repeats: 2\n", "")
    recipe = load(write(tmp_path, text), tiny=True)
    assert set(recipe.features) == {"wavlm", "roberta", "hubert", "modernbert"}
    assert features_of(recipe, "b", "more") == ("modernbert", "roberta")


def test_a_configuration_is_looked_for_beside_the_file_that_names_it(tmp_path):
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "own.yaml").write_text("seed: 41\n")
    text = SMALL.replace("config: small", "config: own.yaml")
    (tmp_path / "deeper" / "base.yaml").write_text(text + "tiny: {config: own.yaml}\n")
    path = write(tmp_path, "extends: deeper/base\n")
    assert config_of(load(path), "b").seed == config_of(load(path, tiny=True), "b").seed == 41


def test_the_tiny_profile_wins_over_every_heads_own_settings():
    recipe = load("medusa-14", tiny=True)
    assert {config_of(recipe, head).head.width for head in recipe.heads} == {16}
    swapped = load("ueda-2025", tiny=True)
    used = {one for head in swapped.heads.values() for one in head.features}
    assert used == {"hubert", "wavlm", "whisper", "roberta", "modernbert", "logmel"}
    assert set(swapped.features) == used


def test_the_list_counts_in_english(tmp_path):
    listed = call(tmp_path, "run", "--list").stdout
    assert (
        "is2025-baseline      1 head   The" in listed and "dhf                  2 heads  " in listed
    )
