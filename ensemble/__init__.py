"""Ensembles: many finished runs are combined into one run of kind `stack`.

Run folders come in; `members.join` aligns their predictions by utterance id, (M, B, C). A stacker
turns them into a `StackOutput` with logits (B, C) and, where members predict them, attributes
(B, 3). `voting` learns nothing; `linear` (with `soup`), `opinion_pool`, `scikit_learn` and `forest`
learn from a split that the members were not trained on.

This room imports heads, scoring, manifests and the root modules, never reports or recipes.
The door: `fit_stack.stack` fits and writes a stack, `apply.apply` predicts other utterances with a
finished head or stack, `members.trained_on` tells which splits a run was trained on.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medusa.ensemble.choose_members import best, finished_heads
    from medusa.ensemble.fit_stack import stack
    from medusa.ensemble.members import different_names, join, trained_on
    from medusa.ensemble.stackers import STACKERS, StackConfig

# Each name of the door and its module, which is imported when the name is used.
_MODULES = {
    "STACKERS": "stackers",
    "StackConfig": "stackers",
    "best": "choose_members",
    "different_names": "members",
    "finished_heads": "choose_members",
    "join": "members",
    "stack": "fit_stack",
    "trained_on": "members",
}
__all__ = [
    "STACKERS", "StackConfig", "best", "different_names",
    "finished_heads", "join", "stack", "trained_on",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Import the module of a name of the door."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"medusa.ensemble.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
