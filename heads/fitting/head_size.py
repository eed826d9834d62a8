"""The number of weights of a head, and whether it is far too large for its training rows."""

import dataclasses

from medusa.heads.config import Config, load
from medusa.heads.fitting.fit import HeadJob
from medusa.heads.fitting.fitters import empty_network
from medusa.heads.networks.head import HEADS

# The paper's head has about 1,000 weights per training row of its corpus. The head of `small` has
# 12,000 per row on the 318 training rows of EmoDB, where it is level with logistic regression.
MOST_WEIGHTS_PER_ROW = 20_000


def size_warning(job: HeadJob) -> str:
    """Return a sentence if a head that is trained by steps is far too large, else an empty text.

    It states the number of weights and of training utterances, and the smaller heads to take.
    """
    config, rows = job.spec.config, len(job.examples.rows("train"))
    most = MOST_WEIGHTS_PER_ROW * rows
    if HEADS[config.head.name].fitted_by != "steps" or (weights := _weights(job, config)) <= most:
        return ""
    small = load("small")
    head = dataclasses.replace(small.head, name=config.head.name)
    fits = _weights(job, dataclasses.replace(small, head=head)) <= most
    remedy = "--config small, or " if fits else ""
    return (
        f"the head has {weights:,} weights for {rows:,} training utterances, and more than "
        f"{MOST_WEIGHTS_PER_ROW:,} for each are far too many; take {remedy}a convex head such as "
        "--set head.name=logistic"
    )


def _weights(job: HeadJob, config: Config) -> int:
    """Return the number of weights of a head, without making them."""
    head = empty_network(job.examples, config)
    return sum(parameter.numel() for parameter in head.parameters())
