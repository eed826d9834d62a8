"""The examples of a head: the manifest's rows joined, by content, with their features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from medusa.cache import FeatureStore, Packed, Stream, load
from medusa.cache.layout import read_provenance
from medusa.errors import DataError, listed
from medusa.heads.examples.choose import ChosenFeature
from medusa.heads.examples.frames import average_frames
from medusa.heads.examples.speaker_scaling import SpeakerScaling, scaling_by_speaker
from medusa.heads.examples.votes import votes_of
from medusa.manifests import ATTRIBUTES, Manifest
from medusa.scoring import NO_CONSENSUS

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """N utterances with features, row by row.

    Attributes:
        ids, splits: (N,) the ids and splits of the manifest.
        speakers: (N,) the speakers, empty where unknown; those who share a recording get one name.
        soft: (N, C) the soft labels, NaN where there are none.
        labels: (N,) the consensus class numbers, -1 without consensus.
        ratings: (N, 3) the attributes, NaN where unrated.
        votes, secondary: (N, C) the raters' first and second choices (`votes.votes_of`).
        streams: the M modalities.
        frames_averaged: (M,) the number of frames that are averaged into one.
        classes: the names of the C classes, in order.
        scaling: a change of all features as they are read, or None.
        shots: the only training rows that a head may learn from, or None for all.
    """

    ids: list[str]
    splits: npt.NDArray[np.str_]
    speakers: npt.NDArray[np.str_]
    soft: torch.Tensor
    labels: Rows
    ratings: torch.Tensor
    votes: torch.Tensor
    secondary: torch.Tensor
    streams: list[Stream]
    frames_averaged: list[int]
    classes: tuple[str, ...]
    scaling: SpeakerScaling | None = None
    shots: Rows | None = None

    def rows(self, split: str) -> Rows:
        """Return the rows of a split; of `train` only those that a head may learn from."""
        found = np.flatnonzero(self.splits == split)
        if self.shots is None or split != "train":
            return found
        return np.intersect1d(found, self.shots)

    @property
    def widths(self) -> list[int]:
        """Return the M feature widths, each that of one layer."""
        return [stream.store.spec.width for stream in self.streams]

    @property
    def layers(self) -> list[int]:
        """Return how many layers of each of the M modalities are read side by side."""
        return [stream.layers for stream in self.streams]

    def read_batches(self, batches: Sequence[Rows], pin: bool = False) -> Iterator[list[Packed]]:
        """Yield the M packed modalities of each batch of rows. A thread prefetches them."""
        feed = load(self.streams, batches, pin, self._average)
        if self.scaling is None:
            return feed
        return (self._scaled(x, rows) for x, rows in zip(feed, batches, strict=True))

    def _scaled(self, inputs: list[Packed], rows: Rows) -> list[Packed]:
        assert self.scaling is not None
        return [self.scaling.apply(number, one, rows) for number, one in enumerate(inputs)]

    def normalise_speakers(self) -> "Examples":
        """Return the examples, whose audio features have mean 0 and deviation 1 in each speaker.

        The statistics are those of all utterances of a speaker, whatever their split. No label is
        read.

        Raises:
            DataError: the speaker of an utterance is unknown.
        """
        scaling = scaling_by_speaker(self.streams, self.frames_averaged, self.ids, self.speakers)
        return replace(self, scaling=scaling)

    def _average(self, stream: int, packed: Packed) -> Packed:
        return average_frames(packed, self.frames_averaged[stream])

    @property
    def neutral(self) -> int | None:
        """Return the number of the class `neutral`, or None if there is no such class."""
        lower = [name.lower() for name in self.classes]
        return lower.index("neutral") if "neutral" in lower else None

    @property
    def has_attributes(self) -> bool:
        """Return whether any training utterance is rated."""
        return not bool(self.ratings[self.rows("train")].isnan().all())


def join_examples(
    manifest: Manifest,
    texts: "pd.Series[str] | None",
    chosen: Sequence[ChosenFeature],
    average_frames: int = 1,
    drop_missing: bool = False,
    also_require: Sequence[ChosenFeature] = (),
) -> Examples:
    """Join the rows of a manifest that have a split with their features.

    Args:
        manifest: the manifest, with splits.
        texts: the content of each id's text. It is needed if a store holds text features.
        chosen: the stores and layers that `choose` returned.
        average_frames: the number of audio frames that are averaged into one.
        drop_missing: whether utterances without features are left out instead of refused.
        also_require: further stores that must hold every utterance. Their features are not read.

    Raises:
        DataError: utterances have no features. The message names all stores and some ids.
    """
    frame = manifest.frame[manifest.frame["split"].notna()]
    needed = [*chosen, *also_require]
    contents = [_contents(frame, texts, store) for store, _ in needed]
    has_features = [
        values.isin(store.index.rows) for values, (store, _) in zip(contents, needed, strict=True)
    ]
    complete: npt.NDArray[np.bool_] = np.logical_and.reduce(has_features)
    if not complete.all() and not drop_missing:
        raise DataError(_missing(frame, needed, has_features))
    manifest = manifest.where(manifest.frame["id"].isin(frame["id"][complete]))
    streams = [
        Stream.of(store, list(values[complete]), array)
        for values, (store, array) in zip(contents[: len(chosen)], chosen, strict=True)
    ]
    return _examples(manifest, streams, [_averaged(store, average_frames) for store, _ in chosen])


def _examples(manifest: Manifest, streams: list[Stream], frames_averaged: list[int]) -> Examples:
    frame, classes = manifest.frame, manifest.scheme.classes
    numbers = {name: number for number, name in enumerate(classes)}
    votes, secondary = votes_of(manifest)
    return Examples(
        ids=frame["id"].tolist(),
        splits=frame["split"].to_numpy(str),
        speakers=frame["speaker"].fillna("").to_numpy(str),
        soft=torch.from_numpy(manifest.soft()),
        labels=np.array([numbers.get(name, NO_CONSENSUS) for name in frame["label"]], np.int64),
        ratings=torch.from_numpy(frame[list(ATTRIBUTES)].to_numpy(np.float32)),
        votes=votes,
        secondary=secondary,
        streams=streams,
        frames_averaged=frames_averaged,
        classes=classes,
    )


def _contents(
    frame: pd.DataFrame, texts: "pd.Series[str] | None", store: FeatureStore
) -> "pd.Series[str]":
    if store.spec.input == "audio":
        return frame["content"]
    if texts is None:
        raise DataError(f"{store.path}: made from text, but no text was chosen; see --text")
    return frame["id"].map(texts)


def _averaged(store: FeatureStore, average_frames: int) -> int:
    """Return how many frames of a store are averaged into one: always 1 for words."""
    return average_frames if store.spec.frame_shift_s is not None else 1


def _missing(
    frame: pd.DataFrame,
    chosen: Sequence[ChosenFeature],
    has_features: "list[pd.Series[bool]]",
) -> str:
    lines = [
        f"{(~has).sum()} of {len(frame)} utterances have no {store.spec.backbone} features "
        f"({listed(frame['id'][~has])}); run `{_extraction(store)}`, with the original options"
        for (store, _), has in zip(chosen, has_features, strict=True)
        if not has.all()
    ]
    return "\n  ".join([*lines, "or leave them out with --missing drop"])


def _extraction(store: FeatureStore) -> str:
    """Return the command that fills a store, with the option for a local checkpoint."""
    made = read_provenance(store.path)
    source = made.get("source") if store.spec.checkpoint == "local" else None
    option = f" --checkpoint {source}" if source else ""
    return f"medusa extract --backbone {store.spec.backbone}{option}"
