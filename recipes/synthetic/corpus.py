"""The demo's corpus on disk: wav files, a manifest with every vote, and the hidden truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import soundfile

from medusa import console
from medusa.atomic import atomic
from medusa.manifests import ATTRIBUTES, LabelScheme, Manifest
from medusa.manifests.audio import content_of, recording_of
from medusa.manifests.labels.votes import from_votes
from medusa.randomness import random_stream
from medusa.recipes.synthetic import world
from medusa.recipes.synthetic.voice import RATE_HZ, Samples, Voice, cast, speak
from medusa.recipes.synthetic.words import sentence

SCHEME = LabelScheme("demo", world.CLASSES)
AUDIO, LATENTS = "audio", "latents.parquet"
RATERS = 12
NOTE = (
    "The corpus is made up (synthetic voices, sentences from lists of words) and the backbones are "
    "random-weight stand-ins that have learned nothing: these numbers show that the pipeline runs "
    "and say nothing about real speech."
)


@dataclass(frozen=True)
class Size:
    """The size of the corpus: its utterances, spread evenly over its speakers."""

    utterances: int = 560
    speakers: int = 20


def make_corpus(manifest: Path, size: Size, seed: int) -> Manifest:
    """Draw a corpus, write its audio, its latent variables and its manifest.

    Args:
        manifest: the path of the manifest; audio and latents go beside it.
        size: the numbers of utterances and speakers.
        seed: the same seed gives the same bytes.

    Returns:
        The manifest, without a split.
    """
    root = manifest.parent
    rng = random_stream(seed, "demo corpus")
    latents = world.draw(size.utterances, rng)
    latents.insert(0, "id", [f"demo_{index:04d}" for index in range(size.utterances)])
    speakers = np.arange(size.utterances) % size.speakers
    frame = pd.DataFrame({"id": latents["id"], "speaker": [f"s{index:02d}" for index in speakers]})
    frame["text"] = [sentence(counts, rng) for counts in _counts(latents)]
    frame["language"] = "en"
    votes = _votes(latents, rng)
    frame["label"], soft = from_votes(votes, frame["id"], SCHEME)
    frame = pd.concat([frame, soft], axis=1)
    means = votes.groupby("id", sort=False)[list(ATTRIBUTES)].mean()
    frame[list(ATTRIBUTES)] = means.loc[frame["id"]].to_numpy()
    voices = cast(size.speakers, rng)
    frame["gender"] = [voices[index].gender for index in speakers]
    speaking = [voices[index] for index in speakers]
    frame = pd.concat([frame, _record(root, latents, speaking, seed)], axis=1)
    _write_latents(latents, root / LATENTS)
    provenance: dict[str, object] = {
        "corpus": "demo",
        "options": {"utterances": size.utterances, "speakers": size.speakers, "seed": seed},
        "notes": [NOTE],
    }
    corpus = Manifest(frame, SCHEME, votes, root, provenance)
    corpus.write(manifest)
    return corpus


def _counts(latents: pd.DataFrame) -> list[dict[str, int]]:
    """Return the number of words of each polarity in each utterance."""
    table = latents[list(world.COUNTS)].to_numpy()
    return [dict(zip(world.POLARITIES, map(int, row), strict=True)) for row in table]


def _votes(latents: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the votes and ratings of each utterance by five raters, each with their own bias."""
    primary = world.ballots(latents["true_class"], rng)
    words = latents[list(world.COUNTS)].to_numpy(np.float64)
    arousal = latents["arousal_latent"].to_numpy(np.float64)
    valence = (words[:, 2] - words[:, 0]) / words.sum(1)
    felt = np.stack([1.2 * arousal, 1.8 * valence, 0.9 * arousal + 0.4 * valence], axis=1)
    bias = rng.normal(0, 0.4, (RATERS, len(ATTRIBUTES)))
    rows = []
    for name, ballot, feeling in zip(latents["id"], primary, felt, strict=True):
        for rater, vote in zip(rng.permutation(RATERS), ballot, strict=False):
            marks = _marks(feeling + bias[rater], rng)
            given = dict(zip(ATTRIBUTES, marks, strict=True))
            second = [_second(vote, rng)] if rng.uniform() < 0.3 else []
            rows.append({"id": name, "rater": f"r{rater:02d}", "primary": vote, **given})
            rows[-1]["secondary"] = second
    columns = ["id", "rater", "primary", "secondary", *ATTRIBUTES]
    return pd.DataFrame(rows)[columns].astype(dict.fromkeys(ATTRIBUTES, np.float32))


def _marks(feeling: npt.NDArray[np.float64], rng: np.random.Generator) -> list[float]:
    """Return a feeling on the scale 1..7, with some noise."""
    marks = np.rint(4 + feeling + rng.normal(0, 0.7, len(feeling)))
    return [float(mark) for mark in np.clip(marks, 1, 7)]


def _second(first: str, rng: np.random.Generator) -> str:
    """Choose another class than the primary one."""
    return str(rng.choice([name for name in world.CLASSES if name != first]))


def _record(root: Path, latents: pd.DataFrame, voices: list[Voice], seed: int) -> pd.DataFrame:
    """Write one wav per utterance; each has its own generator, so the order does not matter."""
    (root / AUDIO).mkdir(parents=True, exist_ok=True)
    rows = []
    with console.progress("speaking", len(latents)) as advance:
        for index, voice in enumerate(voices):
            rng = random_stream(seed, "demo voice", index)
            path = f"{AUDIO}/{latents['id'].iloc[index]}.wav"
            arousal = float(latents["arousal_latent"].iloc[index])
            rows.append({"path": path, **_write_wav(root / path, speak(voice, arousal, rng))})
            advance()
    return pd.DataFrame(rows)


def _write_wav(path: Path, sound: Samples) -> dict[str, object]:
    """Write 16-bit audio and return its segment and content digest."""
    with atomic(path) as partial:
        soundfile.write(partial, sound, RATE_HZ, subtype="PCM_16", format="WAV")
    recording = recording_of(path)
    seconds = recording.facts.duration_s
    content = content_of(recording.digest, 0.0, seconds)
    return {"start_s": 0.0, "duration_s": seconds, "content": content}


def _write_latents(latents: pd.DataFrame, path: Path) -> None:
    """Store the drawn variables, from which the best possible answer is computed."""
    with atomic(path) as partial:
        latents.to_parquet(partial)
