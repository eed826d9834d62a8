"""A corpus that was cut to two seconds is recognised, and natural corpora are not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.manifests.audit.cut_recordings import cut_recordings, end_db
from medusa.manifests.audit.findings import Subject
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.manifest import Manifest

RATE = 8000


def speech(number: int) -> np.ndarray:
    """Return syllables of 1.2 to 5 s, with pauses between them and silence at both ends."""
    rng = np.random.default_rng(number)
    times = np.arange(int(rng.uniform(1.2, 5.0) * RATE)) / RATE
    voiced = np.maximum(0, np.sin(2 * np.pi * (2.5 * times + rng.uniform()))) ** 0.5
    voiced[times > times[-1] - 0.3] = 0
    return 0.3 * voiced * np.sin(2 * np.pi * 180 * times) + 1e-4 * rng.normal(size=len(times))


def exactly(length_s: float, sound: np.ndarray) -> np.ndarray:
    """Cut a sound to a length, or lengthen it by silence."""
    size = round(length_s * RATE)
    return np.pad(sound, (0, max(0, size - len(sound))))[:size]


def findings(home: Path, sounds: list[np.ndarray]) -> list[str]:
    names = [f"u{number}" for number in range(len(sounds))]
    for name, sound in zip(names, sounds, strict=True):
        soundfile.write(home / f"{name}.wav", sound, RATE)
    paths = [str(home / f"{name}.wav") for name in names]
    manifest, _ = attach_audio(
        Manifest(pd.DataFrame({"id": names, "path": paths}), LabelScheme("none", ("a",))), home
    )
    manifest.write(home / "manifest.parquet")
    subject = Subject.read(home / "manifest.parquet", home / "transcripts")
    return [one.message for one in cut_recordings(subject)]


def test_recordings_that_were_cut_in_mid_word_are_found(tmp_path):
    found = findings(tmp_path, [exactly(2.0, speech(number)) for number in range(40)])
    assert len(found) == 1 and "40 of 40 recordings last exactly 2 s" in found[0]


def test_a_few_uncut_recordings_among_them_change_nothing(tmp_path):
    cut = [exactly(2.0, speech(number)) for number in range(30)]
    found = findings(tmp_path, cut + [speech(number) for number in range(30, 40)])
    assert len(found) == 1 and "30 of 40" in found[0]


@pytest.mark.parametrize(
    "sounds",
    [
        [speech(number) for number in range(40)],
        [exactly(6.0, speech(number)) for number in range(40)],
        [exactly(2.0, speech(number)) for number in range(19)],
        [np.zeros(2 * RATE) for _ in range(40)],
    ],
    ids=["natural lengths", "one length, silence at the end", "few recordings", "silence"],
)
def test_other_corpora_are_not(tmp_path, sounds):
    assert findings(tmp_path, sounds) == []


def test_the_level_of_an_end(tmp_path):
    sound = np.concatenate([np.full(RATE, 0.5), np.full(RATE // 10, 0.05)])
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    assert end_db(tmp_path / "a.wav") == pytest.approx(-20.0, abs=0.01)
