"""Settings that `medusa fit-head` refuses before anything is written."""

import pytest

from medusa.errors import ConfigError
from medusa.heads.config import Config, HeadConfig, load
from medusa.heads.fitting.check_choices import check_choices
from medusa.strict import parse


def test_every_number_out_of_range_is_listed_at_once():
    wrong = ("head.width=0", "train.per_class=0", "stages.1.lr=0", "mixup.p=.nan", "seed=-1")
    with pytest.raises(ConfigError) as caught:
        load("small", wrong)
    lines = str(caught.value).splitlines()
    assert lines[0] == "small.yaml with what was set: 5 problems:"
    assert "  stages.1.lr: expected more than 0, got 0.0" in lines
    assert "  head.width: expected at least 1, got 0" in lines


def test_unknown_keys_and_numbers_out_of_range_are_listed_together(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("heads: 3\nhead: 3\nmixup: {p: 2}\ntrain: {batch: many}\n")
    with pytest.raises(ConfigError) as caught:
        load(str(path))
    told = [line.partition(":")[0].strip() for line in str(caught.value).splitlines()[1:]]
    assert sorted(told) == ["head", "heads", "mixup.p", "train.batch"]
    path.write_text("- only a list\n")
    with pytest.raises(ConfigError, match="expected `key: value` lines"):
        load(str(path))


def test_names_and_numbers_are_listed_together():
    with pytest.raises(ConfigError) as caught:
        load(
            "small", ("head.pooling=men", "mixup.per=batches", "stages.1.sampler=3", "head.width=0")
        )
    message = str(caught.value)
    assert "head.pooling: 'men' is not one of mean, attention" in message
    assert "(did you mean 'mean'?)" in message
    assert "mixup.per: 'batches' is not one of sample, batch (did you mean 'batch'?)" in message
    assert "stages.1.sampler: expected str, got 3" in message
    assert "4 problems" in message.splitlines()[0] and len(message.splitlines()) == 5
    assert "head.width: expected at least 1, got 0" in message


def test_a_configuration_that_a_program_makes_is_checked_before_training():
    with pytest.raises(ConfigError, match=r"head\.width: expected at least 1, got 0"):
        check_choices(Config(head=HeadConfig(width=0)))


def test_infinite_numbers_are_refused_where_any_number_is_allowed():
    with pytest.raises(ConfigError, match=r"stages\.0\.class_weights: expected a finite number"):
        load("small", ("stages.0.class_weights=.inf",))


def test_none_is_allowed_where_it_is_the_default():
    assert load("small", ("train.micro=null", "stages.0.clip=null")).train.micro is None
    with pytest.raises(ConfigError, match=r"train\.micro: expected at least 1, got 0"):
        load("small", ("train.micro=0",))


def test_defaults_and_shipped_configurations_are_allowed():
    problems = []
    assert parse(Config, Config().to_dict(), "", problems) == Config()
    assert problems == []
    for name in ("medusa", "medusa-published", "small"):
        check_choices(load(name))
