"""Predict degraded recordings with a run, and compare them with the unchanged ones."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.console import say
from medusa.errors import ConfigError, RunError, nearest
from medusa.extract.inputs import Segment, read_segment
from medusa.inference.audio_input import AudioInput, clip_of
from medusa.inference.load import load
from medusa.inference.stress.degradations import DEGRADATIONS, RATE_HZ, UNCHANGED
from medusa.manifests import Manifest
from medusa.randomness import random_stream
from medusa.scoring import (
    SCORES,
    Truth,
    confusion,
    holm,
    interval,
    paired,
    resampled_confusions,
    truth_of,
)
from medusa.workspace import Workspace

SCORE = "macro_f1"


@dataclass(frozen=True)
class StressRow:
    """One condition.

    Attributes:
        condition: its name, a key of `DEGRADATIONS`, or `unchanged`.
        value, interval: the macro-F1 and its 95 % interval.
        difference, difference_interval: the macro-F1 minus that of the unchanged recordings.
        p: the two-sided p value of no difference, corrected for the number of conditions (Holm).
        changed: the share of the utterances whose predicted class changes.
    """

    condition: str
    value: float
    interval: tuple[float, float]
    difference: float
    difference_interval: tuple[float, float]
    p: float
    changed: float


@dataclass(frozen=True)
class StressTable:
    """A run under several conditions, the unchanged recordings first."""

    run: str
    split: str
    utterances: int
    rows: list[StressRow]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def stress(
    workspace: Workspace,
    run: str,
    *,
    split: str = "test",
    conditions: Sequence[str] = tuple(DEGRADATIONS),
    keep: Path | None = None,
    device: str = "auto",
    checkpoints: Mapping[str, str] | None = None,
    seed: int = 0,
) -> StressTable:
    """Degrade the recordings of a split, predict them, and compare the predictions in pairs.

    Every recording is decoded to 16 kHz mono first, also without a change. All features, and the
    transcripts of a run that reads them, are made anew from the changed sound.

    Args:
        workspace: the folder with the run, its manifest and its feature stores.
        run: the name of a finished head or stack.
        split: the split whose labelled utterances are predicted.
        conditions: keys of `DEGRADATIONS`.
        keep: a folder that keeps the features, so that a second run continues.
        device: the device that predicts.
        checkpoints: the present places of backbones' weights, by the name of the backbone.
        seed: the seed of noise and echoes.

    Raises:
        ConfigError: a condition is unknown.
        RunError: no labelled utterance of the split has a recording, or the manifest has other
            classes than the run.
        DataError: some recordings could not be predicted.
    """
    for name in conditions:
        if name not in DEGRADATIONS:
            close = nearest(name, DEGRADATIONS)
            raise ConfigError(f"no condition {name!r}{close}; there is {', '.join(DEGRADATIONS)}")
    manifest = Manifest.read(workspace.manifest).split(split)
    frame = manifest.frame[manifest.frame["label"].notna() & manifest.frame["path"].notna()]
    if frame.empty:
        raise RunError(
            f"no row of split {split!r} has a label and a recording; judge another split with "
            "--split"
        )
    ids = frame["id"].tolist()
    model = load(run, workspace=workspace.root, device=device, checkpoints=checkpoints)
    truth = truth_of(manifest, ids, [split] * len(ids), model.classes)
    own_text = model.parts.text is not None and model.parts.text.name == "manifest"
    clips = [_clip(row, manifest.root, own_text) for row in frame.to_dict("records")]
    predicted: dict[str, npt.NDArray[np.int64]] = {}
    for name in (UNCHANGED, *conditions):
        result = model.predict_recordings([_changed(one, name, seed) for one in clips], keep)
        result.raise_problems()
        found = {one.path: int(values.posteriors.argmax()) for one, values in result.rows}
        predicted[name] = np.array([found[name] for name in ids])
        say(f"{run}: {len(ids)} recordings predicted ({name})")
    return StressTable(run, split, len(ids), _rows(truth, predicted, len(model.classes)))


def _clip(row: Mapping[Any, Any], root: Path, own_text: bool) -> AudioInput:
    """Return the sound of a row at 16 kHz, with its own text if the run reads that."""
    segment = Segment(root / row["path"], row["start_s"], row["duration_s"])
    text = row["text"] if own_text and isinstance(row["text"], str) else None
    return replace(clip_of(read_segment(segment, RATE_HZ), RATE_HZ), path=row["id"], text=text)


def _changed(one: AudioInput, condition: str, seed: int) -> AudioInput:
    """Return a degraded clip. Its noise depends on the seed, its id and the condition alone."""
    if condition == UNCHANGED:
        return one
    key = zlib.crc32(f"{condition} {one.path}".encode())
    rng = random_stream(seed, "degraded recording", key)
    assert not isinstance(one.source, Segment)
    changed = DEGRADATIONS[condition](one.source.samples, rng)
    return replace(clip_of(changed, RATE_HZ), path=one.path, text=one.text)


def _rows(
    truth: Truth, predicted: Mapping[str, npt.NDArray[np.int64]], classes: int
) -> list[StressRow]:
    """Judge every condition, the unchanged recordings first."""
    formula, clean = SCORES[SCORE].formula, predicted[UNCHANGED]
    rows = []
    for name, own in predicted.items():
        drawn = resampled_confusions(truth.labels, own, classes, truth.blocks)
        found = paired(truth.labels, own, clean, classes, truth.blocks)
        rows.append(
            StressRow(
                name,
                float(formula(confusion(truth.labels, own, classes))),
                interval(formula(drawn)),
                found.value,
                found.interval,
                found.p,
                float((own != clean).mean()),
            )
        )
    corrected = holm([row.p for row in rows[1:]])
    return [rows[0], *(replace(row, p=p) for row, p in zip(rows[1:], corrected, strict=True))]
