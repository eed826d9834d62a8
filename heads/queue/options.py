"""What the heads of one command share, and the spec of each of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from medusa.heads.config import load
from medusa.heads.examples.join import choose
from medusa.heads.queue.spec import HeadSpec
from medusa.heads.queue.variants import Variant
from medusa.manifests import Manifest
from medusa.workspace import Workspace


@dataclass(frozen=True)
class QueueOptions:
    """The options that all heads of one command share.

    Attributes:
        workspace: with manifest and features.
        backbones: whose features the heads read; all if empty.
        config: a shipped configuration, or a file.
        text: the source of the texts that text features were made from.
        drop_missing: leave out utterances that lack features.
        devices: where to train.
        force: train again, replacing finished runs.
        jobs: how many heads are trained at once.
    """

    workspace: Workspace
    backbones: Sequence[str]
    config: str
    text: str | None
    drop_missing: bool
    devices: Sequence[torch.device]
    force: bool
    jobs: int = 1


def head_specs(
    options: QueueOptions, name: str | None, variants: Sequence[Variant]
) -> list[HeadSpec]:
    """Return the spec of each variant.

    Args:
        options: what all heads share.
        name: the beginning of their names; by default backbones and configuration.
        variants: the heads.

    Raises:
        MedusaError: a configuration has wrong settings, or there is no manifest or no feature.
    """
    beginning = _default_name(options) if name is None else name
    specs = []
    for variant in variants:
        config = load(options.config, variant.overrides)
        complete = name is not None or re.search(r"-s\d+$", variant.ending)
        full_name = f"{beginning}{variant.ending}" + ("" if complete else f"-s{config.seed}")
        specs.append(
            HeadSpec(
                title=full_name,
                name=full_name,
                config=config,
                backbones=tuple(options.backbones),
                text=options.text,
                drop_missing=options.drop_missing,
                force=options.force,
            )
        )
    return specs


def _default_name(options: QueueOptions) -> str:
    """Return the beginning of the names of heads without a --name."""
    Manifest.read(options.workspace.manifest)  # if there is none, its error comes first
    chosen = choose(options.workspace.features, options.backbones)
    backbones = "+".join(dict.fromkeys(store.spec.backbone for store, _ in chosen))
    return f"{backbones}-{Path(options.config).stem}"
