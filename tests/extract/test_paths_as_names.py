"""A path in place of a backbone's name is refused with the options that take a path."""

import pytest

from medusa.errors import CheckpointError
from medusa.extract.backbones import family_of
from medusa.strict import parse


@pytest.mark.parametrize("name", ["../mine", "me/model"])
def test_a_path_is_no_name(name: str) -> None:
    with pytest.raises(CheckpointError, match=f"--backbone auto --checkpoint {name}"):
        family_of(name)
    with pytest.raises(CheckpointError, match="did you mean 'wavlm'"):
        family_of("wavlmm")


def test_an_unknown_key_without_a_near_one_lists_the_known_keys() -> None:
    from medusa.recipes.definition.recipe import Feature

    problems = list[str]()
    parse(Feature, {"checkpoint": "x"}, "features.whisper", problems)
    (problem,) = problems
    assert problem.startswith("features.whisper.checkpoint: unknown; expected any of backbone, ")
