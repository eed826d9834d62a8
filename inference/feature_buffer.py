"""The features of one backbone in memory, from the encoder until the heads have read them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medusa.cache import FeatureStore, StoreWriter
from medusa.cache.quantise import agree_on_channels, dequantise, quantise
from medusa.cache.store import layers_of
from medusa.cache.writer import finite_values
from medusa.inference.parts import ModelFeature


class FeatureBuffer:
    """Features by content, rounded as a feature store rounds them.

    A worker of a pass uses it in place of a `StoreWriter`.

    Args:
        feature: the specification of the features.
    """

    def __init__(self, feature: ModelFeature) -> None:
        self.feature, self.spec = feature, feature.spec
        self.held: dict[str, npt.NDArray[np.floating]] = {}
        self.flags: dict[str, tuple[str, ...]] = {}
        self.writer: StoreWriter | None = None
        self.store: FeatureStore | None = None

    def keep_in(self, folder: Path | None, provenance: dict[str, object]) -> None:
        """Forget all features; write new ones to a store in this folder, and read those it has.

        Args:
            folder: the `features/` of a workspace, or None to keep nothing.
            provenance: the provenance of a new store.
        """
        self.writer = self.store = None
        self.drop(list(self.held))
        if folder is not None:
            path = folder / self.spec.folder
            self.writer = StoreWriter(path, self.spec, provenance)
            if self.feature.channels:
                agree_on_channels(path, self.spec, self.feature.channels)
            self.store = FeatureStore.open(path)

    def __contains__(self, content: str) -> bool:
        return content in self.held or (self.store is not None and content in self.store)

    def missing(self, contents: Iterable[str]) -> list[str]:
        """Return the contents that are neither in memory nor in the store."""
        return [content for content in dict.fromkeys(contents) if content not in self]

    def append(
        self, content: str, values: npt.NDArray[np.floating], flags: Sequence[str] = ()
    ) -> None:
        """Keep the features (K, T, D) of one utterance.

        Raises:
            WriteError: a value is not finite in the stored dtype.
        """
        kept, _ = finite_values(content, values, self.spec.dtype)
        if self.spec.dtype == "int8":
            channels = [self.feature.channels[name] for name in self.spec.arrays]
            pairs = [(quantise(a, c), c) for a, c in zip(kept, channels, strict=True)]
            kept = np.stack([dequantise(*quantised, c) for quantised, c in pairs])
        self.held[content], self.flags[content] = kept, tuple(flags)
        if self.writer is not None:
            self.writer.append(content, values, flags)

    def read(self, content: str, array: str) -> Tensor:
        """Return the frames (T, D) of one utterance, or (T, L D) for L layers side by side."""
        if content not in self.held and self.store is not None:
            return self.store.read([content], array).to("cpu").values
        rows = [self.spec.arrays.index(name) for name in layers_of(array)]
        values = self.held[content]
        return torch.cat([torch.from_numpy(values[row]) for row in rows], 1)

    def flags_of(self, content: str) -> tuple[str, ...]:
        """Return the flags of one utterance."""
        if content not in self.held and self.store is not None:
            entries = self.store.index
            return tuple(entries.table["flags"][entries.rows[content]].as_py())
        return self.flags.get(content, ())

    def drop(self, contents: Iterable[str]) -> None:
        """Free the memory of utterances that the heads have read."""
        for content in contents:
            self.held.pop(content, None)
            self.flags.pop(content, None)

    def close(self) -> None:
        """Commit the kept features."""
        if self.writer is not None:
            self.writer.close()
