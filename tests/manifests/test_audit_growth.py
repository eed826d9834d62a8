"""What the audit knows about votes, texts, lengths and sounds."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.manifests.audit.annotations import alpha, is_repetitive
from medusa.manifests.audit.checks import audit
from medusa.manifests.audit.findings import Finding, Subject
from medusa.manifests.audit.waveforms import sounds_of
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.labels.votes import from_votes, one_hot
from medusa.manifests.manifest import VOTE_COLUMNS, Manifest
from medusa.manifests.near_copies.prints import fingerprint
from medusa.tests.command_line import invoke

SCHEME = LabelScheme("two", ("sad", "happy"))
RATE = 8000


def voice(seed: int, seconds: float = 1.0) -> np.ndarray:
    """Return noise whose pitch and loudness wander, another for every seed."""
    random = np.random.default_rng(seed)
    count = int(seconds * RATE)
    wander = np.interp(np.arange(count), np.linspace(0, count, 12), random.uniform(150, 900, 12))
    loud = np.interp(np.arange(count), np.linspace(0, count, 20), random.uniform(0.05, 1, 20))
    tone = sum(np.sin(2 * np.pi * k * wander.cumsum() / RATE) / k for k in range(1, 5))
    return 0.2 * loud * tone + random.normal(scale=0.002, size=count)


def manifest(home: Path, sounds: dict[str, np.ndarray], **columns: object) -> Manifest:
    for name, sound in sounds.items():
        soundfile.write(home / f"{name}.wav", sound, RATE)
    label = pd.Series(["sad", "happy"] * 9)[: len(sounds)]
    frame = pd.DataFrame(
        {
            "id": [*sounds],
            "path": [str(home / f"{name}.wav") for name in sounds],
            "speaker": [*sounds],
            "split": "train",
            "text": "words",
            "label": label,
        }
    )
    frame = pd.concat([frame, one_hot(label, SCHEME)], axis=1).assign(**columns)
    made, _ = attach_audio(Manifest(frame, SCHEME), home)
    made.write(home / "manifest.parquet")
    return made


def found(home: Path, sound: bool = False) -> list[Finding]:
    subject = Subject.read(home / "manifest.parquet", home / "transcripts")
    return audit(subject, sounds=sounds_of(subject) if sound else None)


def by_check(findings: list[Finding]) -> dict[str, tuple[str, ...]]:
    return {f"{each.level} {each.check}: {each.message}": each.where for each in findings}


def test_short_and_long_clips_and_mixed_rates(tmp_path: Path) -> None:
    manifest(tmp_path, {"a": voice(1, 0.15), "b": voice(2, 31), "c": voice(3)})
    assert by_check(found(tmp_path)) == {
        "warning durations: 1 clip is shorter than 0.2 s": ("a",),
        "warning durations: 1 clip is longer than 30 s": ("b",),
    }
    soundfile.write(tmp_path / "c.wav", np.repeat(voice(3), 2), 2 * RATE)
    messages = [each.message for each in found(tmp_path)]
    assert "recordings have 2 sample rates: 2 at 8000 Hz, 1 at 16000 Hz" in messages


def test_one_recording_under_two_ids(tmp_path: Path) -> None:
    sounds = {"a": voice(1), "b": voice(2), "c": voice(1)}
    manifest(tmp_path, sounds)
    assert by_check(found(tmp_path)) == {
        "warning same audio: 2 rows have the same audio as another row": ("a", "c")
    }
    manifest(tmp_path, sounds | {"d": voice(4)}, split=["train", "dev", "test", "train"])
    assert "error splits: 2 rows have the same audio as a row of another split" in by_check(
        found(tmp_path)
    )


def test_clipping_silence_and_near_duplicates(tmp_path: Path) -> None:
    loud = np.clip(20 * voice(5), -1, 1)
    noisy = 0.4 * voice(1) + np.random.default_rng(9).normal(scale=0.002, size=RATE)
    sounds = {"a": voice(1), "b": voice(2), "again": noisy, "loud": loud, "hush": 1e-4 * voice(3)}
    manifest(tmp_path, sounds, split=["train", "train", "dev", "train", "train"])
    heard = {key: where for key, where in by_check(found(tmp_path, sound=True)).items()
             if key.startswith(("warning sound", "warning near"))}  # fmt: skip
    assert heard == {
        "warning sound: 1 clip has more than 0.1% of samples clipped": ("loud",),
        "warning sound: 1 clip is silent (never above -60 dB)": ("hush",),
        "warning near duplicates: 1 pair of clips in two splits sound nearly the same": (
            "a = again",
        ),
    }


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_told_apart_from_silence(
    tmp_path: Path, odd: float
) -> None:
    manifest(tmp_path, {"a": voice(1), "b": voice(2), "c": 1e-4 * voice(3)})
    broken = voice(2)
    broken[100] = odd
    soundfile.write(tmp_path / "b.wav", broken, RATE, subtype="FLOAT")
    told = by_check(found(tmp_path, sound=True))
    assert told["error sound: 1 clip has samples that are not numbers (NaN or infinite)"] == ("b",)
    assert told["warning sound: 1 clip is silent (never above -60 dB)"] == ("c",)


def test_prints_of_different_clips_differ_and_of_a_louder_one_do_not() -> None:
    prints = [fingerprint(voice(seed).astype(np.float32), RATE) for seed in range(8)]
    for one in range(8):
        for other in range(one):
            assert (prints[one] != prints[other]).mean() > 0.2
    louder = fingerprint(3 * voice(0).astype(np.float32), RATE)
    assert (louder != prints[0]).mean() < 0.02


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no no no no no", True),
        ("no no no", False),
        ("Thank you. Thank you. Thank you. Thank you.", True),
        ("I said that I said that you said that", False),
        ("so " * 200, True),
        ("", False),
        ("Well, the thing is that nobody told me where to go or what to bring there.", False),
    ],
)
def test_loops(text: str, expected: bool) -> None:
    assert is_repetitive(text) is expected


def test_empty_and_looping_texts(tmp_path: Path) -> None:
    manifest(tmp_path, {"a": voice(1), "b": voice(2)}, text=[" ", "no no no no no"])
    assert by_check(found(tmp_path)) == {
        "warning texts: 1 texts in manifest are empty": ("a",),
        "warning texts: 1 texts in manifest are repetitive": ("b",),
    }


def test_entropy_and_agreement_by_hand(tmp_path: Path) -> None:
    said = {"a": ["sad", "sad"], "b": ["sad", "happy"], "c": ["happy", "happy"]}
    rows = [(name, f"r{at}", word, None, 1.0 + 2 * at, np.nan, 4.0)
            for name, words in said.items() for at, word in enumerate(words)]  # fmt: skip
    votes = pd.DataFrame(rows, columns=list(VOTE_COLUMNS))
    ids = pd.Series([*said])
    label, soft = from_votes(votes, ids, SCHEME)
    frame = pd.DataFrame({"id": ids, "label": label, "text": "x", "split": "train", "speaker": ids})
    Manifest(pd.concat([frame, soft], axis=1), SCHEME, votes).write(tmp_path / "manifest.parquet")
    notes = [each.message for each in found(tmp_path) if each.check in ("entropy", "agreement")]
    # one row of three has 1 bit; nominal alpha: 1 - (n - 1) * disagreement, 1 - 5 * 2 / 18
    assert notes[0].startswith("soft labels have 0.33 bits of entropy on average (of 1.00); 67%")
    assert "classes 0.444" in notes[1] and "valence" not in notes[1]
    # every unit has a 1 and a 3: observed 4 = all pairs; expected 4 * 18 / 30 = 2.4
    assert "arousal -0.667" in notes[1]


@pytest.mark.parametrize("seed", range(4))
def test_alpha_is_that_of_the_library(seed: int) -> None:
    import krippendorff

    random = np.random.default_rng(seed)
    whole, word = random.integers(1, 8, (5, 9)).astype(float), random.integers(0, 3, (5, 9))
    missing = random.random((5, 9)) < 0.3
    missing[:, 0], missing[1:, 1] = True, True  # no vote, and one vote at most
    ids = pd.Series(np.broadcast_to(np.arange(9), (5, 9))[~missing].astype(str))
    for table in (whole, whole + random.random((5, 9))):
        votes = np.where(missing, np.nan, table)
        expected = krippendorff.alpha(votes, level_of_measurement="interval")
        found = alpha(ids, pd.DataFrame(table[~missing]))
        assert found == pytest.approx(expected, abs=1e-12)
    votes = np.where(missing, np.nan, word)
    expected = krippendorff.alpha(votes, level_of_measurement="nominal")
    found = alpha(ids, pd.DataFrame(np.eye(3)[word[~missing]]))
    assert found == pytest.approx(expected, abs=1e-12)


def test_alpha_of_many_continuous_ratings_needs_little_memory() -> None:
    random = np.random.default_rng(0)
    ids = pd.Series(np.repeat(np.arange(20_000), 3).astype(str))
    mood = np.repeat(random.normal(size=20_000), 3)
    votes = pd.DataFrame(mood + random.normal(size=60_000))
    tracemalloc.start()
    found = alpha(ids, votes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == pytest.approx(0.5, abs=0.02)  # the share of the variance that the moods have
    assert peak < 100e6


def test_alpha_needs_two_votes_and_two_values() -> None:
    assert alpha(pd.Series(["a", "b"]), pd.DataFrame([1.0, 2.0])) is None
    assert alpha(pd.Series(["a", "a"]), pd.DataFrame([2.0, 2.0])) is None
    assert alpha(pd.Series([], dtype=str), pd.DataFrame(np.zeros((0, 1)))) is None


def test_strict_and_json(tmp_path: Path) -> None:
    manifest(tmp_path, {"a": voice(1), "b": voice(2, 0.1)})
    words = ["manifest", "audit", "--listen"]
    assert invoke(tmp_path, *words).exit_code == 0
    result = invoke(tmp_path, *words, "--strict", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["warning"] == 1 and report["findings"][0]["where"] == ["b"]
