"""Near copies of a recording are in one split and one fold; different recordings are not joined."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr

from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.labels.votes import one_hot
from medusa.manifests.near_copies import known
from medusa.manifests.near_copies.keep import read_with_near_copies
from medusa.manifests.near_copies.known import near_copies_of
from medusa.manifests.splits.cross_validation import FoldPlan, fold_manifests
from medusa.manifests.splits.same_recording import shared_notes, with_tied_speakers
from medusa.tests.command_line import call
from medusa.tests.manifests.test_audit_growth import voice

RATE = 16000
SCHEME = LabelScheme("two", ("sad", "happy"))
Change = Callable[[np.ndarray], tuple[np.ndarray, int, str]]


def cut(sound: np.ndarray, start_ms: int, end_ms: int) -> np.ndarray:
    return sound[start_ms * RATE // 1000 : len(sound) - end_ms * RATE // 1000]


# A near copy -> the samples, the sample rate and the container of the copy of a clip.
CHANGES: dict[str, Change] = {
    "ogg": lambda sound: (sound, RATE, "ogg"),
    "mp3": lambda sound: (sound, RATE, "mp3"),
    "8 kHz": lambda sound: (soxr.resample(sound, RATE, 8000), 8000, "wav"),
    "44 kHz": lambda sound: (soxr.resample(sound, RATE, 44100), 44100, "flac"),
    "quiet": lambda sound: (0.2 * sound, RATE, "wav"),
    "without its start": lambda sound: (cut(sound, 12, 0), RATE, "wav"),
    "without its ends": lambda sound: (cut(sound, 10, 15), RATE, "wav"),
    "all": lambda sound: (soxr.resample(0.4 * cut(sound, 8, 8), RATE, 22050), 22050, "mp3"),
}


def spoken(seed: int) -> np.ndarray:
    """Return 1.5 s of a made-up voice below 4 kHz."""
    return soxr.resample(voice(seed, 1.5), 8000, RATE)


def make(home: Path, copies: dict[str, Change]) -> Path:
    """Write 16 clips of eight speakers, and copies of the first clips by other speakers."""
    rows = []
    sounds = [(f"u{n}", f"s{n % 8}", (spoken(n), RATE, "wav")) for n in range(16)]
    for number, (name, change) in enumerate(copies.items()):
        sounds.append((f"copy {name}", f"s{number % 8 - 3}", change(spoken(number))))
    for name, speaker, (sound, rate, form) in sounds:
        path = home / f"{name}.{form}"
        soundfile.write(path, sound, rate)
        length_s = soundfile.info(path).frames / rate
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append((name, path.name, content, speaker.replace("-", ""), 0.0, length_s))
    names = ["id", "path", "content", "speaker", "start_s", "duration_s"]
    frame = pd.DataFrame(rows, columns=names)
    label = pd.Series(["sad", "happy"] * 8 + ["sad"] * len(copies))
    frame = pd.concat([frame.assign(label=label), one_hot(label, SCHEME)], axis=1)
    Manifest(frame, SCHEME, root=home).write(home / "manifest.parquet")
    return home / "manifest.parquet"


def split_of(path: Path) -> "pd.Series[str]":
    return Manifest.read(path).frame.set_index("id")["split"]


def test_every_kind_of_near_copy_is_found_and_nothing_else(tmp_path: Path) -> None:
    manifest = read_with_near_copies(make(tmp_path, CHANGES))
    ids = manifest.frame.set_index("content")["id"]
    found = {frozenset(ids[list(pair)]) for pair in near_copies_of(manifest)}
    expected = {frozenset((f"u{n}", f"copy {name}")) for n, name in enumerate(CHANGES)}
    assert found == expected
    assert read_with_near_copies(tmp_path / "manifest.parquet").provenance == manifest.provenance


@pytest.mark.parametrize("words", [["random", "--by", "utterance"], ["fold", "1/3"]])
def test_near_copies_are_in_one_split(tmp_path: Path, words: list[str]) -> None:
    chosen = {name: CHANGES[name] for name in ("ogg", "8 kHz", "without its ends")}
    path = make(tmp_path, chosen)
    told = call(tmp_path, "manifest", "split", *words).stderr
    assert "3 pairs of recordings that are near copies" in told and "u0 = copy ogg" in told
    split = split_of(path)
    assert all(split[f"u{n}"] == split[f"copy {name}"] for n, name in enumerate(chosen))
    assert not [note for note in shared_notes(Manifest.read(path)) if "recording" in note]


def test_near_copies_are_in_one_fold(tmp_path: Path) -> None:
    path = make(tmp_path, {"ogg": CHANGES["ogg"], "mp3": CHANGES["mp3"]})
    manifest = read_with_near_copies(path)
    for fold in fold_manifests(manifest, FoldPlan(k=3)):
        split = fold.frame.set_index("id")["split"]
        assert split["u0"] == split["copy ogg"] and split["u1"] == split["copy mp3"]
    tied = with_tied_speakers(manifest).frame.set_index("id")["speaker"]
    assert tied["u0"] == tied["copy ogg"] and tied["u2"] != tied["u3"]


def test_a_result_notes_near_copies_in_two_splits(tmp_path: Path) -> None:
    manifest = read_with_near_copies(make(tmp_path, {"quiet": CHANGES["quiet"]}))
    manifest.frame["split"] = ["train"] * 16 + ["test"]
    [note] = shared_notes(manifest)
    assert note.startswith("1 recording is in several splits (u0, copy quiet)")


def test_long_corpora_are_left_to_the_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path, {"ogg": CHANGES["ogg"]})
    monkeypatch.setattr(known, "MOST_S", 10.0)
    utterance = ["manifest", "split", "random", "--by", "utterance", "--dev", "0.4"]
    told = call(tmp_path, *utterance).stderr
    assert "not looked for, since the recordings last 0 h; `medusa manifest audit" in told
    assert near_copies_of(Manifest.read(path)) == []
    call(tmp_path, "manifest", "audit", "--listen")
    told = call(tmp_path, *utterance, "--force").stderr
    assert "not looked for" not in told and "2 rows have the recording of another row" in told
    assert split_of(path)["u0"] == split_of(path)["copy ogg"]


def test_unreadable_recordings_are_told(tmp_path: Path) -> None:
    path = make(tmp_path, {"ogg": CHANGES["ogg"]})
    (tmp_path / "u5.wav").unlink()
    told = call(tmp_path, "manifest", "split", "random").stderr
    assert "Near copies of 1 recording were not looked for" in told
    assert len(near_copies_of(Manifest.read(path))) == 1
