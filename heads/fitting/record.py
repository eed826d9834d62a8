"""The record of a head, which becomes the config.yaml of its run."""

from hashlib import sha256
from typing import Any

import torch

from medusa.heads.config import Config
from medusa.heads.fitting.joined import Joined
from medusa.heads.runs.run_dir import FORMAT


def record_of(joined: Joined, config: Config) -> dict[str, Any]:
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
    """Return digests of the transcripts and votes, which the manifest's digest does not cover."""
    digests = {"texts": joined.texts_digest} if joined.texts_digest else {}
    if config.loss.secondary_weight or config.train.annotator_dropout:
        votes = torch.stack([joined.examples.votes, joined.examples.secondary])
        digests["votes"] = sha256(votes.numpy().tobytes()).hexdigest()[:16]
    return digests
