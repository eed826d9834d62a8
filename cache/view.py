"""The cache for other projects: open a store and read utterances by their id."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from medusa.cache.packed import Packed
from medusa.cache.store import FeatureStore
from medusa.cache.used import contents_by_id
from medusa.errors import StoreError, listed


class View:
    """A store with the ids of a manifest: `view["u1"]` is (T, D), `view[["u1", "u2"]]` is `Packed`.

    Attributes:
        store: the feature store.
        array: the layer that is read.
        contents: id -> content.
    """

    def __init__(self, store: FeatureStore, array: str, contents: dict[str, str]) -> None:
        self.store, self.array, self.contents = store, array, contents

    def __len__(self) -> int:
        return len(self.contents)

    def __contains__(self, name: object) -> bool:
        return name in self.contents

    @property
    def ids(self) -> list[str]:
        """The ids of the utterances with features, in the order of the manifest."""
        return list(self.contents)

    def __getitem__(self, ids: str | Sequence[str]) -> Packed | Tensor:
        """Return the frames of one utterance, (T, D), or several utterances packed.

        The features of an int8 store are returned as float32.

        Raises:
            StoreError: the store has no features for an id.
        """
        names = [ids] if isinstance(ids, str) else list(ids)
        absent = [name for name in names if name not in self.contents]
        if absent:
            raise StoreError(f"{self.store.path}: the store has no features for {listed(absent)}")
        packed = self.store.read([self.contents[name] for name in names], self.array).to("cpu")
        return packed.values if isinstance(ids, str) else packed


def load_features(
    store: Path | str,
    manifest: Path | str | None = None,
    array: str | None = None,
    text: str | None = None,
    access: str = "auto",
) -> View:
    """Open a feature store for reading by utterance id.

    Args:
        store: the folder, `features/<backbone>-<digest>.zarr`.
        manifest: the manifest with the ids; without one, the content digests are the ids.
        array: the layer to read, if the store keeps several.
        text: for a store of text features, the source of the texts (see `--text`).
        access: `map`, `pread` or `auto`, as in `FeatureStore.open`.

    Returns:
        A `View`: `load_features(path, "manifest.parquet")[["u1", "u2"]].values` is (N, D).

    Raises:
        MedusaError: the store, the manifest or the layer does not exist.
    """
    opened = FeatureStore.open(Path(store), access)
    name = opened.array(array)
    if manifest is None:
        return View(opened, name, {content: content for content in opened.index.rows})
    transcripts = Path(manifest).parent / "transcripts"
    contents = contents_by_id(Path(manifest), transcripts, opened.spec.input, text)
    return View(opened, name, {one: key for one, key in contents.items() if key in opened})
