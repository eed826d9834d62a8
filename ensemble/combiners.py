"""How a stored stack combines the predictions of its members: one function for each method."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.torch import load_file

from medusa.ensemble import linear
from medusa.ensemble.members import Members
from medusa.ensemble.opinion_pool import pooled
from medusa.ensemble.stackers import CLASSICAL, StackConfig, inputs_of
from medusa.ensemble.voting import VOTES, mean_attributes
from medusa.heads.runs.run_dir import WEIGHTS, RunDir

Array = npt.NDArray[np.float64]
Combined = tuple[Array, Array | None]


def _linear(run: RunDir, config: dict[str, Any], members: Members) -> Combined:
    """Put the members' predictions through the stored soup."""
    stacked = StackConfig(inputs=config["inputs"], with_attributes=config["with_attributes"])
    stored = load_file(run.path / WEIGHTS)
    soup = {key: stored[f"soup.{key}"] for key in ("weight", "bias")}
    return linear.apply(soup, inputs_of(members, stacked), len(members.classes))


def _classical(run: RunDir, config: dict[str, Any], members: Members) -> Combined:
    """Put the members' predictions through the parameters that scikit-learn fitted."""
    stacked = StackConfig(inputs=config["inputs"], with_attributes=config["with_attributes"])
    use = CLASSICAL[config["method"]][1]
    logits = use(load_file(run.path / WEIGHTS), inputs_of(members, stacked), len(members.classes))
    return logits, mean_attributes(members.attributes)


def _opinion_pool(run: RunDir, config: dict[str, Any], members: Members) -> Combined:
    """Put the members' predictions through the stored weights."""
    stored = load_file(run.path / WEIGHTS)
    learnt = np.concatenate([stored["weights"].numpy(), stored["bias"].numpy()])
    return pooled(learnt, members.posteriors), mean_attributes(members.attributes)


def _vote(run: RunDir, config: dict[str, Any], members: Members) -> Combined:
    return VOTES[config["method"]](members.posteriors), mean_attributes(members.attributes)


COMBINERS: dict[str, Callable[[RunDir, dict[str, Any], Members], Combined]] = {
    "linear": _linear,
    "opinion-pool": _opinion_pool,
    **dict.fromkeys(VOTES, _vote),
    **dict.fromkeys(CLASSICAL, _classical),
}
