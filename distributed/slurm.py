"""The share of one task of a Slurm job array."""

import os
from collections.abc import Mapping

from medusa.distributed.pieces import Share
from medusa.errors import ConfigError

TASK, FIRST, COUNT = "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT"


def share_of_task(environment: Mapping[str, str] = os.environ) -> Share | None:
    """Return the share of this task, or None outside a job array.

    Args:
        environment: Slurm sets `SLURM_ARRAY_TASK_ID`, `_MIN` and `_COUNT` in it.

    Raises:
        ConfigError: the variables are no consecutive numbers.
    """
    if not {TASK, COUNT} <= set(environment):
        return None
    values = [environment.get(name, "0") for name in (TASK, FIRST, COUNT)]
    if not all(value.isdecimal() for value in values):
        raise ConfigError(f"{TASK}, {FIRST}, {COUNT}: expected numbers, got {', '.join(values)}")
    task, first, count = map(int, values)
    if not 0 <= task - first < count:
        raise ConfigError(
            f"{TASK}={task}: expected a number from {first} to {first + count - 1}; number the "
            "tasks without gaps (--array=0-7), or give --shard I/N"
        )
    return Share(task - first, count)
