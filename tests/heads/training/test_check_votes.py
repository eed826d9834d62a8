"""Second choices may be learnt where a share of the raters, however small, named one."""

import pytest
import torch

from medusa.errors import ConfigError
from medusa.heads.training.train_rows import Targets, check_votes


def targets(share: float) -> Targets:
    rows = torch.zeros(2, 3)
    secondary = rows.clone()
    secondary[1, 2] = share
    return Targets(rows, rows, secondary, rows)


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_one_second_choice_is_enough(share) -> None:
    check_votes(targets(share), 0.0, secondary=True)


def test_without_any_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="named a second emotion"):
        check_votes(targets(0.0), 0.0, secondary=True)
