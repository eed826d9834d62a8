"""The stores and layers that a head reads, found by the names that `--backbones` takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from medusa.cache import FeatureStore, open_all
from medusa.cache.info import differences
from medusa.errors import DataError, listed, nearest, plural


class ChosenFeature(NamedTuple):
    """One stream that a head reads.

    Attributes:
        store: the feature store.
        array: the name of the array that is read from it, which is a layer or a reduction.
            Layers that the head sums are joined by `+`.
    """

    store: FeatureStore
    array: str


def choose(folders: Sequence[Path], names: Sequence[str]) -> list[ChosenFeature]:
    """Find the stores that `--backbones` names, with the layer to read from each.

    Args:
        folders: the workspace's folders of stores.
        names: each is a backbone or a store's folder name without `.zarr`. A suffix `:20` or
            `:layer_20` names one layer. `:3+4+6` names layers that the head sums as one modality,
            and `:*` sums all layers. `:each` makes every layer a modality of its own. No names
            mean every store.

    Raises:
        DataError: a name matches no store, or several stores.
    """
    stores = open_all(*folders)
    if not stores:
        raise DataError(f"{folders[0]}: no features yet; run `medusa extract --backbone ...` first")
    wanted = list(names) or list(dict.fromkeys(store.spec.backbone for store in stores))
    return [one for name in wanted for one in _choose_all(stores, *name.partition(":")[::2])]


def _choose_all(stores: list[FeatureStore], name: str, array: str) -> list[ChosenFeature]:
    if array not in ("*", "each"):
        return [_choose_one(stores, name, array)]
    known = {
        name: layer for store in stores for layer in store.spec.arrays for name in _names(store)
    }
    store = _choose_one(stores, name, known.get(name, "")).store
    layers = store.spec.arrays
    chosen = ["+".join(layers)] if array == "*" else layers
    return [ChosenFeature(store, layer) for layer in chosen]


def _names(store: FeatureStore) -> tuple[str, str]:
    return store.spec.backbone, store.path.stem


def _choose_one(stores: list[FeatureStore], name: str, array: str) -> ChosenFeature:
    fitting = [store for store in stores if name in _names(store)]
    if not fitting:
        known = [store.spec.backbone for store in stores]
        raise DataError(
            f"no features of {name!r}{nearest(name, known)}; there are {listed(known, 20)}; "
            f"run `medusa extract --backbone {name}`"
        )
    if len(fitting) > 1:
        differing = differences(fitting)
        choices = ", ".join(
            f"--backbones {store.path.stem} ({differing[store.path] or 'other layers or numbers'}; "
            f"{plural(len(store), 'utterance')})"
            for store in fitting
        )
        raise DataError(f"{len(fitting)} different features of {name!r}: choose with {choices}")
    store = fitting[0]
    arrays = store.spec.arrays
    wanted = [f"layer_{one}" if one.isdigit() else one for one in array.split("+") if array]
    absent = [one for one in wanted if one not in arrays]
    if absent or len(set(wanted)) < len(wanted):
        names = ", ".join(map(repr, absent))
        problem = f"no {names}" if absent else f"each layer once, not {array!r}"
        raise DataError(f"{store.path}: has {problem}, but {listed(arrays, 40)}")
    if not array and len(arrays) > 1:
        choices = ", ".join(f"--backbones {name}:{other}" for other in arrays)
        raise DataError(
            f"{store.path}: its layers are kept apart; choose one with {choices}, or a learned sum "
            f"of all with --backbones {name}:*"
        )
    return ChosenFeature(store, "+".join(wanted) or arrays[0])
