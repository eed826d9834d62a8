"""The cache as other projects use it: open a store, ask for utterances by id."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from medusa.cache.packed import Packed
from medusa.cache.store import FeatureStore
from medusa.errors import StoreError, listed
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of, texts_of


class View:
    """A store with the ids of a manifest: `view["u1"]` is (T, D), `view[["u1", "u2"]]` is `Packed`.

    Attributes:
        store: the features.
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
        """The utterances that have features, in the manifest's order."""
        return list(self.contents)

    def __getitem__(self, ids: str | Sequence[str]) -> Packed | Tensor:
        """Return one utterance's frames, (T, D), or several packed; of an int8 store, float32.

        Raises:
            StoreError: an id has no features here.
        """
        names = [ids] if isinstance(ids, str) else list(ids)
        absent = [name for name in names if name not in self.contents]
        if absent:
            raise StoreError(f"{self.store.path}: no features for {listed(absent)}")
        packed = self.store.read([self.contents[name] for name in names], self.array).to("cpu")
        return packed.values if isinstance(ids, str) else packed


def open_view(
    store: Path | str,
    manifest: Path | str | None = None,
    array: str | None = None,
    text: str | None = None,
    access: str = "auto",
) -> View:
    """Open a feature store for reading by utterance id.

    Args:
        store: the folder, `features/<backbone>-<digest>.zarr`.
        manifest: whose ids to use; without one, the contents' own digests are the ids.
        array: which layer, where a store keeps several.
        text: whose text the features are of (see `--text`), for a store of text features.
        access: `map`, `pread` or `auto`.

    Returns:
        A `View`: `open_view(path, "manifest.parquet")[["u1", "u2"]].values` is (N, D).

    Raises:
        MedusaError: no store or manifest there, or no such layer.
    """
    opened = FeatureStore.open(Path(store), access)
    name = opened.array(array)
    if manifest is None:
        return View(opened, name, {content: content for content in opened.index.rows})
    rows = Manifest.read(Path(manifest))
    contents = rows.frame.set_index("id")["content"].dropna()
    if opened.spec.input == "text":
        _, texts = texts_of(rows, Path(manifest).parent / "transcripts", text)
        contents = texts.dropna().map(content_of)
    present = contents[contents.isin(opened.index.rows)]
    return View(opened, name, dict(zip(present.index, present, strict=True)))
