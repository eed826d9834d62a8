"""Linear stackers of many subsets of the same members, trained together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from medusa.ensemble import linear
from medusa.ensemble.members import Members, MembersError
from medusa.ensemble.stackers import (
    StackConfig,
    StackError,
    StackOutput,
    inputs_of,
    selection_rows,
    souped,
    train_rows,
    train_set_of,
)
from medusa.errors import listed
from medusa.scoring.truth import Truth


def stack_subsets(
    members: Members, truth: Truth, subsets: Mapping[str, Sequence[str]], config: StackConfig
) -> dict[str, StackOutput]:
    """Fit the linear stacker on every subset, such as all 14, the best 7 and the best 5.

    Equal to joining and stacking each subset's runs apart, but one training for all: the tables of
    a paper take as long as their largest stack.

    Args:
        members: M runs, joined.
        truth: about the same utterances.
        subsets: name -> names of members.
        config: the stacker; its method must be linear.

    Returns:
        name -> answer about all utterances.

    Raises:
        StackError: another method, or attributes that only some members predict.
        MembersError: subsets are empty or name what is no member; all are listed.
    """
    if config.method != "linear":
        raise StackError(f"method {config.method!r}: only linear stacks many subsets at once")
    inputs, classes = inputs_of(members, config), len(members.classes)
    columns = _columns(members, subsets, config)
    learnt = train_set_of(inputs, truth, train_rows(members, truth, config))
    judged = train_set_of(inputs, truth, selection_rows(members, truth, config))
    trained = linear.train_subsets(learnt, columns, range(config.seeds), config.training)
    answers = {}
    for name, at, states in zip(subsets, columns, trained, strict=True):
        own = replace(judged, inputs=judged.inputs[:, at])
        answers[name] = souped(states, inputs[:, at], own, classes, config)
    return answers


def _columns(
    members: Members, subsets: Mapping[str, Sequence[str]], config: StackConfig
) -> list[npt.NDArray[np.int64]]:
    """Return the columns of `inputs_of` that each subset reads, in the order of its members."""
    count, classes = len(members.names), len(members.classes)
    wrong = [name for name, some in subsets.items() if not some or len(set(some)) < len(some)]
    if wrong:
        raise MembersError(f"subsets {listed(wrong)}: expected names of members, each once")
    if unknown := {one for some in subsets.values() for one in some} - set(members.names):
        raise MembersError(
            f"{listed(sorted(unknown))}: not among the members {listed(members.names)}"
        )
    if config.with_attributes and len(members.attributes) < count:
        raise StackError(
            f"--with-attributes: {len(members.attributes)} of {count} members predict attributes; "
            "subsets need all or none"
        )
    found = []
    for some in subsets.values():
        at = np.array([members.names.index(one) for one in some])
        parts = [(at[:, None] * classes + np.arange(classes)).ravel()]
        if config.with_attributes:
            parts.append((count * classes + at[:, None] * 3 + np.arange(3)).ravel())
        found.append(np.concatenate(parts))
    return found
