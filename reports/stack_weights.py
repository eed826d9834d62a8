"""The influence of every member of a stack on every class, where the stacker is linear."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.ensemble import STACKERS
from medusa.ensemble.shrunken_map import vote_of
from medusa.ensemble.stored_stack import read_weights
from medusa.heads.runs.run_dir import RunDir

Array = npt.NDArray[np.float64]


def own_class_weights(weight: Array, members: int, classes: int) -> Array:
    """Return the weight (M, C) of each member's score of a class on the logit of this class.

    Constants that change no prediction are taken out first: those that are added to all logits,
    and those that are added to all scores of a member.

    Args:
        weight: (C or more, I or more) a linear map of the scores of all members, side by side.
        members, classes: M and C.
    """
    maps = weight[:classes, : members * classes].reshape(classes, members, classes)
    maps = maps - maps.mean(0, keepdims=True)
    maps = maps - maps.mean(2, keepdims=True)
    own: Array = np.einsum("cmc->mc", maps)
    return own


def _map(weights: Mapping[str, Array], members: int, classes: int) -> dict[str, Any]:
    name = "soup.weight" if "soup.weight" in weights else "weight"
    return {"classes": own_class_weights(weights[name], members, classes)}


def _pool(weights: Mapping[str, Array], members: int, classes: int) -> dict[str, Any]:
    return {"members": weights["weights"]}


def _shrunken(weights: Mapping[str, Array], members: int, classes: int) -> dict[str, Any]:
    own = own_class_weights(weights["map"], members, classes)
    return {"members": weights["members"], "classes": own, "vote": float(weights["vote"][0])}


LINEAR: dict[str, Callable[[Mapping[str, Array], int, int], dict[str, Any]]] = {
    "linear": _map,
    "logreg": _map,
    "opinion-pool": _pool,
    "shrunken": _shrunken,
    "svm": _map,
}


def stack_weights(run: RunDir, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a stack combines its members.

    Args:
        run: a finished head or stack.
        config: its configuration.

    Returns:
        `summary`, a phrase that completes "combined by ..."; `vote`, the share of the soft vote
        in a shrunken map, or None; and `rows`, for each member its `name`, its weight `all` on the
        log-posteriors of all classes, or None, and its weights `classes` (C,), or None. A head, a
        stack that is not linear, and a map that is the soft vote have no rows.

    Raises:
        RunError: the weights of the stack are missing or damaged.
    """
    method = config.get("method")
    if config.get("kind") != "stack" or method not in STACKERS:
        return {"summary": str(method), "vote": None, "rows": []}
    found: dict[str, Any] = {"summary": STACKERS[method].summary, "vote": None, "rows": []}
    names = [one["name"] for one in config["members"]]
    if method not in LINEAR:
        return found
    stored = {key: one.astype(float) for key, one in read_weights(run, STACKERS[method]).items()}
    if vote := vote_of(stored):
        reason = f"{config['fit_on']} gave no reason to leave it"
        return found | {"summary": f"{vote}, since {reason} for another linear map"}
    own = LINEAR[method](stored, len(names), len(config["classes"]))
    shared, by_class = own.get("members"), own.get("classes")
    rows = [
        {
            "name": name,
            "all": None if shared is None else float(shared[number]),
            "classes": None if by_class is None else by_class[number].tolist(),
        }
        for number, name in enumerate(names)
    ]
    return found | {"vote": own.get("vote"), "rows": rows}
