"""The heads of a baseline: convex heads on every set of features, and on all of them together."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from medusa.cache import open_all
from medusa.console import say
from medusa.heads.config import load
from medusa.heads.examples.choose import choose
from medusa.heads.fitting.check_choices import check_choices
from medusa.heads.spec import HeadSpec

HEADS = ("logistic", "svm")
DEFAULTS = ("head.pooling=statistics",)  # They are the mean and the deviation over time.
FeatureSets = dict[str, tuple[str, ...]]


def feature_sources(folders: Sequence[Path], names: Sequence[str] = ()) -> FeatureSets:
    """Return the name of every source of features, with the features that it has.

    A store with layers that are kept apart has a feature for each of them.

    Args:
        folders: the workspace's folders of stores.
        names: as `medusa fit-head --backbones` takes them. A name with a suffix, such as
            `wavlm:9`, is one feature. By default, every store is a source.

    Raises:
        DataError: there are no features, or a name matches no store or several stores.
    """
    sources = FeatureSets()
    for name in names or _every_store(folders):
        if ":" in name:
            choose(folders, [name])
            sources[_clean(name)] = (name,)
        else:
            arrays = [one.array for one in choose(folders, [f"{name}:each"])]
            layers = tuple(f"{name}:{array}" for array in arrays)
            sources[_clean(name)] = layers if len(layers) > 1 else (name,)
    return sources


def layer_sets(sources: FeatureSets) -> FeatureSets:
    """Return every layer of the sources with several layers, as a set of one feature."""
    return {
        _clean(feature): (feature,)
        for features in sources.values()
        if len(features) > 1
        for feature in features
    }


def baseline_sets(sources: FeatureSets, best: Mapping[str, str]) -> FeatureSets:
    """Return the sets of features of a baseline.

    They are each source, or its best layer and all its layers joined if it has several; and, as
    the last, all sources joined, each with its best layer.

    Args:
        sources: see `feature_sources`.
        best: the best feature of every source with several layers.
    """
    sets = FeatureSets()
    chosen = {title: best.get(title, features[0]) for title, features in sources.items()}
    for title, features in sources.items():
        if len(features) > 1:
            sets[_clean(chosen[title])] = (chosen[title],)
            sets[f"{title}-each"] = features
        else:
            sets[title] = features
    if len(sources) > 1:
        sets["all"] = tuple(chosen.values())
    return sets


def baseline_specs(
    sets: Mapping[str, Sequence[str]],
    heads: Sequence[str] = HEADS,
    settings: Sequence[str] = (),
    *,
    name: str = "baseline",
    text: str | None = None,
    drop_missing: bool = False,
    also_require: tuple[str, ...] = (),
    force: bool = False,
) -> list[HeadSpec]:
    """Return a spec of every head on every set of features.

    Args:
        sets: the features of each set by its name, which is part of the name of the run.
        heads: such as `logistic`, `svm` and `knn`.
        settings: `key=value`, the same for all heads; by default, features are pooled over time
            by their mean and deviation.
        name: the beginning of the names.
        text, drop_missing, also_require, force: fields of every `HeadSpec`.

    Raises:
        ConfigError: a head or a setting is unknown or impossible.
    """
    configs = {one: load("small", (*DEFAULTS, *settings, f"head.name={one}")) for one in heads}
    for config in configs.values():
        check_choices(config)
    return [
        HeadSpec(
            f"{name}-{head}-{title}",
            config,
            tuple(features),
            text,
            drop_missing,
            also_require,
            force=force,
        )
        for title, features in sets.items()
        for head, config in configs.items()
    ]


def _every_store(folders: Sequence[Path]) -> list[str]:
    """Return a name of every store: its backbone, or its folder if the backbone has several.

    A store with fewer utterances than another one of its backbone is an extraction that was not
    finished. It is left out with a message.
    """
    stores = open_all(*folders)
    if not stores:
        choose(folders, ())  # This raises the error about missing features.
    by_size = sorted(stores, key=len)
    most = {store.spec.backbone: len(store) for store in by_size}  # The fullest store comes last.
    for store in stores:
        name = store.spec.backbone
        if len(store) < most[name]:
            say(
                f"{store.path}: left out, because it has {len(store)} utterances and another store "
                f"of {name} has {most[name]}; finish its extraction, name it with --backbones, or "
                "remove the folder"
            )
    backbones = [store.spec.backbone for store in stores]
    stores = [store for store in stores if len(store) == most[store.spec.backbone]]
    return [
        store.spec.backbone if backbones.count(store.spec.backbone) == 1 else store.path.stem
        for store in stores
    ]


def _clean(name: str) -> str:
    """Return the name of a feature as a part of the name of a run."""
    return re.sub(r"[^A-Za-z0-9._+-]", "-", name.replace(":*", ":sum"))
