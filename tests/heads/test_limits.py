"""Settings that `medusa fit-head` refuses before anything is written."""

import pytest

from medusa.errors import ConfigError
from medusa.heads.config import Config, load
from medusa.heads.config.limits import LIMITS, out_of_range


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


def test_limits_are_on_settings_that_exist():
    values = Config().to_dict()
    values["stages"] = values["stages"][0]
    for setting in LIMITS:
        at = values
        for part in setting.split("."):
            at = at[part]


def test_shipped_configurations_are_within_limits():
    for name in ("medusa", "small"):
        assert out_of_range(load(name).to_dict()) == []
