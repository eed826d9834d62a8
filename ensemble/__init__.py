"""Ensembles: many finished runs are combined into one run of kind `stack`.

Run folders come in; `members.join` aligns their predictions by utterance id, (M, B, C). A `Stacker`
turns them into a `StackOutput` with logits (B, C) and, if members predict them, attributes (B, 3).
`stackers` lists all stackers: votes learn nothing; the other ones learn from a split on which the
members were not trained. `shrunken_map`, `linear` (with `soup`), `opinion_pool`, `scikit_learn`,
`forest` and `voting` have their formulas.

This room imports heads, scoring, manifests and the root modules, never reports or recipes.
The door: `fit_stack.fit_stack` combines runs of a workspace, `stacking.stack` fits and writes one
stack, `apply.apply` predicts other utterances with a finished head or stack, `members.trained_on`
returns the splits on which a run was trained.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medusa.ensemble.choose_members import best
    from medusa.ensemble.members import chosen_on_dev, trained_on
    from medusa.ensemble.stacker import StackConfig
    from medusa.ensemble.stackers import STACKERS, record
    from medusa.ensemble.stacking import stack

# Each name of the door and its module, which is imported when the name is used.
_MODULES = {
    "STACKERS": "stackers",
    "StackConfig": "stacker",
    "best": "choose_members",
    "chosen_on_dev": "members",
    "record": "stackers",
    "stack": "stacking",
    "trained_on": "members",
}
__all__ = [
    "STACKERS",
    "StackConfig",
    "best",
    "chosen_on_dev",
    "record",
    "stack",
    "trained_on",
]


def __getattr__(name: str) -> object:
    """Import the module of a name of the door."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"medusa.ensemble.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
