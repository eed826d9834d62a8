"""From a workspace and a configuration to the head that is to be trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch

from medusa.errors import DataError
from medusa.heads.config import Config
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.fitting.check_choices import check_choices
from medusa.heads.fitting.folds import folds_of
from medusa.heads.fitting.joined import Chosen, Joined, join_workspace
from medusa.heads.networks.discriminant import average_frames_of
from medusa.heads.runs.run_dir import FORMAT
from medusa.workspace import Workspace


@dataclass(frozen=True)
class HeadJob:
    """One head to train, with everything that its training reads.

    Attributes:
        config: the head's settings.
        chosen: the stores that it reads, with the array of each.
        examples: the N utterances, joined with their features.
        folds: (N,) the fold of each utterance, -1 outside the training split or without folds.
        record: what the run's config.yaml will be.
        notes: what the corpus says about itself; they are shown with every result.
    """

    config: Config
    chosen: Chosen
    examples: Examples
    folds: Rows
    record: dict[str, Any]
    notes: list[str]


def prepare(
    workspace: Workspace,
    config: Config,
    backbones: Sequence[str] = (),
    text: str | None = None,
    drop_missing: bool = False,
    also_require: Sequence[str] = (),
) -> HeadJob:
    """Find the features, texts and labels of a workspace and join them.

    Args:
        workspace: with manifest and features.
        config: the head's settings.
        backbones: whose features it reads; all by default.
        text: the source of the texts that text features were made from.
        drop_missing: leave out utterances that lack features.
        also_require: further backbones whose features no utterance may lack. Heads that are to
            be combined must predict the same utterances.

    Raises:
        MedusaError: there is no manifest, no split, or no such features, or the configuration
            names something unknown.
    """
    check_choices(config)
    average_frames = average_frames_of(config.head)
    joined = join_workspace(workspace, backbones, text, drop_missing, also_require, average_frames)
    examples = joined.examples
    if config.loss.neutral_weight and examples.neutral is None:
        raise DataError("loss.neutral_weight: the label scheme has no class 'neutral'; set it to 0")
    folds = folds_of(joined.manifest, examples.ids, config.train.folds)
    return HeadJob(config, joined.chosen, examples, folds, _record(joined, config), joined.notes)


def _record(joined: Joined, config: Config) -> dict[str, Any]:
    """Return everything that the head depends on: the data it reads and its settings."""
    return {
        "kind": "head",
        "format": FORMAT,
        "train_split": "train",
        "manifest": joined.digest,
        "classes": list(joined.manifest.scheme.classes),
        "text": joined.text,
        **_digests(joined, config),
        "features": [
            {"backbone": store.spec.backbone, "spec": store.spec.digest, "array": array}
            for store, array in joined.chosen
        ],
        "utterances": len(joined.examples.ids),
        **config.to_dict(),
    }


def _digests(joined: Joined, config: Config) -> dict[str, str]:
    """Return digests of what the manifest's digest does not cover: transcripts and votes."""
    digests = {"texts": joined.texts_digest} if joined.texts_digest else {}
    if config.loss.secondary_weight or config.train.annotator_dropout:
        votes = torch.stack([joined.examples.votes, joined.examples.secondary])
        digests["votes"] = sha256(votes.numpy().tobytes()).hexdigest()[:16]
    return digests
