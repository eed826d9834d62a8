"""One head to train, with everything that its training reads."""

from dataclasses import dataclass
from typing import Any

from medusa.heads.examples.choose import ChosenFeature
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.spec import HeadSpec


@dataclass(frozen=True)
class HeadJob:
    """One head to train, with everything that its training reads.

    Attributes:
        spec: the head.
        chosen: the stores that it reads, with the array of each.
        examples: the N utterances, joined with their features.
        folds: (N,) the fold of each utterance, -1 outside the training split or without folds.
        record: the content of the run's config.yaml.
        notes: remarks about the corpus, which are shown with every result.
    """

    spec: HeadSpec
    chosen: list[ChosenFeature]
    examples: Examples
    folds: Rows
    record: dict[str, Any]
    notes: list[str]
