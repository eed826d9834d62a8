from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.manifests.manifest import Manifest
from medusa.recipes.synthetic import voice, words, world
from medusa.recipes.synthetic.corpus import LATENTS, SCHEME, Size, make_corpus

SMALL = Size(utterances=30, speakers=6)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return make_corpus(tmp_path_factory.mktemp("demo") / "manifest.parquet", SMALL, seed=4)


def test_a_seed_gives_the_same_corpus(corpus: Manifest, tmp_path: Path) -> None:
    again = make_corpus(tmp_path / "a" / "manifest.parquet", SMALL, seed=4)
    other = make_corpus(tmp_path / "b" / "manifest.parquet", SMALL, seed=5)
    assert again.digest() == corpus.digest()
    assert set(corpus.frame["content"]).isdisjoint(other.frame["content"])


def test_audio_is_there_and_short(corpus: Manifest) -> None:
    for path, seconds in zip(corpus.frame["path"], corpus.frame["duration_s"], strict=True):
        facts = soundfile.info(corpus.audio_path(path))
        assert (facts.samplerate, facts.channels, facts.subtype) == (16_000, 1, "PCM_16")
        assert facts.duration == seconds
        assert 0.8 < seconds < 4


def test_soft_labels_and_consensus_are_the_votes(corpus: Manifest) -> None:
    """Against counting by hand, vote by vote."""
    assert corpus.votes is not None
    for row in corpus.frame.to_dict("records"):
        votes = corpus.votes[corpus.votes["id"] == row["id"]]
        said = Counter(votes["primary"])
        assert sum(said.values()) == world.VOTES
        assert votes["rater"].is_unique
        counted = sum(said[name] for name in SCHEME.classes)
        for name in SCHEME.classes:
            assert row[f"p_{name}"] == pytest.approx(said[name] / counted)
        winners = [name for name, n in said.items() if n == max(said.values())]
        expected = winners[0] if len(winners) == 1 and winners[0] != "other" else None
        assert (None if pd.isna(row["label"]) else row["label"]) == expected
        assert row["arousal"] == pytest.approx(votes["arousal"].mean())


def test_annotators_disagree_and_some_rows_have_no_consensus(corpus: Manifest) -> None:
    soft = corpus.soft()
    np.testing.assert_allclose(soft.sum(1), 1, rtol=1e-6)
    assert (soft.max(1) < 1).mean() > 0.4
    assert corpus.frame["label"].isna().any()
    assert corpus.frame[["arousal", "valence", "dominance"]].stack().between(1, 7).all()


def test_the_words_are_those_that_were_drawn(corpus: Manifest) -> None:
    latents = pd.read_parquet(corpus.root / LATENTS)
    assert latents["id"].tolist() == corpus.frame["id"].tolist()
    for text, row in zip(corpus.frame["text"], latents.to_dict("records"), strict=True):
        spoken = text.lower().replace(",", " ").replace(".", " ").split()
        for polarity in world.POLARITIES:
            found = sum(word in words.WORDS[polarity] for word in spoken)
            assert found == row[f"n_{polarity}"], text


def test_the_manifest_says_that_it_is_made_up(corpus: Manifest) -> None:
    read = Manifest.read(corpus.root / "manifest.parquet")
    notes = read.provenance["notes"]
    assert isinstance(notes, list)
    assert "made up" in notes[0]
    assert "random-weight stand-ins" in notes[0]


def test_no_word_carries_two_polarities() -> None:
    everything = [word for group in words.WORDS.values() for word in group]
    assert len({*everything, *words.NOUNS}) == len(everything) + len(words.NOUNS)


def test_arousal_is_heard_as_a_flatter_spectrum_and_faster_speech() -> None:
    """The same chance, low and high arousal: only the voice's own cues may differ."""
    speaker = voice.cast(1, np.random.default_rng(0))[0]
    low = [voice.speak(speaker, -1.2, np.random.default_rng(seed)) for seed in range(8)]
    high = [voice.speak(speaker, 1.2, np.random.default_rng(seed)) for seed in range(8)]
    assert all(len(slow) > len(fast) for slow, fast in zip(low, high, strict=True))
    assert np.mean([_centroid_hz(x) for x in low]) + 100 < np.mean([_centroid_hz(x) for x in high])


def _centroid_hz(sound: voice.Samples) -> float:
    power = np.abs(np.fft.rfft(sound)) ** 2
    return float((np.fft.rfftfreq(len(sound), 1 / voice.RATE_HZ) * power).sum() / power.sum())
