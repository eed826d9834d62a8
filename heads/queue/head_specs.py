"""The heads of one configuration: one for every combination of seeds and of a grid's values."""

import re
from collections.abc import Sequence
from pathlib import Path

from medusa.heads.config import load
from medusa.heads.examples.choose import choose
from medusa.heads.queue.variants import variants
from medusa.heads.spec import HeadSpec
from medusa.manifests import Manifest
from medusa.workspace import Workspace


def head_specs(
    workspace: Workspace,
    config: str,
    settings: Sequence[str] = (),
    *,
    name: str | None = None,
    seeds: str | None = None,
    grid: Sequence[str] = (),
    features: Sequence[str] = (),
    text: str | None = None,
    drop_missing: bool = False,
    force: bool = False,
) -> list[HeadSpec]:
    """Return a spec for every combination of the seeds and the grid's values.

    Args:
        workspace: with manifest and features.
        config: `medusa`, `small`, or the path of a YAML file.
        settings: `key=value`, the same for all heads, such as `head.width=128`.
        name: the beginning of the names; by default the backbones and the configuration.
        seeds: `0-4`, or `0,7,9`.
        grid: `key=v1,v2,...` each.
        features, text, drop_missing, force: fields of every `HeadSpec`.

    Raises:
        ConfigError: a setting, a seed or an axis of the grid is wrong.
        MedusaError: without a name, there is no manifest or no such feature.
    """
    combinations = variants(tuple(settings), seeds, grid)
    beginning = _default_name(workspace, features, config) if name is None else name
    specs = []
    for variant in combinations:
        own = load(config, variant.overrides)
        complete = name is not None or re.search(r"-s\d+$", variant.ending)
        full_name = f"{beginning}{variant.ending}" + ("" if complete else f"-s{own.seed}")
        spec = HeadSpec(full_name, own, tuple(features), text, drop_missing, force=force)
        specs.append(spec)
    return specs


def _default_name(workspace: Workspace, features: Sequence[str], config: str) -> str:
    """Return the beginning of the names of heads without a --name."""
    Manifest.read(workspace.manifest)  # If there is no manifest, its error comes first.
    chosen = choose(workspace.feature_folders, features)
    backbones = "+".join(dict.fromkeys(one.store.spec.backbone for one in chosen))
    return f"{backbones}-{Path(config).stem}"
