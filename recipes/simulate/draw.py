"""Draw the simulated corpus: states, votes, speakers, and the frames of every stream."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.manifests import ATTRIBUTES, LabelScheme, Manifest
from medusa.manifests.labels.votes import from_votes
from medusa.manifests.splits.by_share import by_speaker
from medusa.randomness import random_stream
from medusa.recipes.simulate import world
from medusa.recipes.simulate.world import Floats

SCHEME = LabelScheme("simulated", world.CLASSES)
SHARES = {"train": 0.7, "dev": 0.15, "test": 0.15}
FRAMES_PER_S = {"audio": 3.0, "text": 2.0}
FEWEST, MOST = 4, 40  # frames of an utterance; they are few, so a head is trained in a minute
MEAN_S, SPREAD = 5.7, 0.5  # the mean of the durations and the deviation of their logarithm
UTTERANCES_A_SPEAKER, FEWEST_SPEAKERS = 25, 12
NOTE = (
    "Simulated: features drawn from a written-down model, no speech at all. Scores here say how "
    "well a method learns, and nothing about real emotions."
)


@dataclass(frozen=True)
class Drawn:
    """A corpus: its manifest and its hidden variables.

    Attributes:
        manifest: the manifest with votes, labels, attributes, speakers and splits.
        states: (N,) the number of the latent state.
        shown: (N,) for each kind of stream, whether the state shows.
        speakers: (N,) the numbers of the speakers.
    """

    manifest: Manifest
    states: npt.NDArray[np.int64]
    shown: dict[str, npt.NDArray[np.bool_]]
    speakers: npt.NDArray[np.int64]


def people_of(count: int) -> int:
    """Return the default number of speakers of a corpus with `count` utterances."""
    return max(FEWEST_SPEAKERS, count // UTTERANCES_A_SPEAKER)


def corpus(count: int, seed: int, people: int | None = None) -> Drawn:
    """Draw everything except the frames.

    Args:
        count: the number of utterances.
        seed: the same seed gives the same corpus.
        people: the number of speakers; speakers with small shares may have no utterance.
    """
    rng = random_stream(seed, "simulated corpus")
    numbers = rng.choice(len(world.state_prior()), count, p=world.state_prior())
    people = people_of(count) if people is None else people
    busy = 1 / np.arange(3, people + 3) ** 0.7  # A few speakers have many utterances.
    speakers = rng.choice(people, count, p=busy / busy.sum())
    shown = {kind: rng.random(count) < chance for kind, chance in world.SHOWN.items()}
    frame = pd.DataFrame({"id": [f"sim_{row:06d}" for row in range(count)]})
    frame["content"] = [_digest(f"voice {seed} {row}") for row in range(count)]
    frame["text"] = [f"simulated sentence {seed} {row}" for row in range(count)]
    frame["speaker"] = [f"s{one:05d}" for one in speakers]
    seconds = np.exp(rng.normal(np.log(MEAN_S) - SPREAD**2 / 2, SPREAD, count))
    frame["start_s"], frame["duration_s"] = 0.0, np.round(seconds, 2)
    votes = _votes(frame["id"], numbers, rng, random_stream(seed, "simulated raters"))
    frame["label"], soft = from_votes(votes, frame["id"], SCHEME)
    frame = pd.concat([frame, soft], axis=1)
    means = votes.groupby("id", sort=False)[list(ATTRIBUTES)].mean()
    frame[list(ATTRIBUTES)] = means.loc[frame["id"]].to_numpy()
    provenance = {"importer": "simulate", "seed": seed, "notes": [NOTE]}
    manifest = Manifest(frame, SCHEME, votes, provenance=provenance)
    manifest.frame["split"] = by_speaker(manifest, SHARES, seed)
    return Drawn(manifest, numbers, shown, speakers)


def frames(
    drawn: Drawn, name: str, width: int, seed: int, rows: Iterable[int] | None = None
) -> Iterator[Floats]:
    """Yield one stream's frames (T, width) of these rows of the manifest, by default of all rows.

    Every utterance has its own random generator, so any row can be drawn without the others.
    """
    kind, (carrier, basis) = world.STREAMS[name][0], world.carriers(width)[name]
    number = list(world.STREAMS).index(name)
    people = random_stream(seed, "simulated speakers", number)
    biases = people.normal(0, world.BIAS, (drawn.speakers.max() + 1, world.BIAS_DIMENSIONS))
    evidence = world.evidence() @ carrier.T
    seconds = drawn.manifest.frame["duration_s"].to_numpy()
    for row in range(len(drawn.states)) if rows is None else rows:
        rng = random_stream(seed, "simulated frames", number, row)
        count = length_of(kind, float(seconds[row]))
        x = rng.normal(size=(count, width)) + basis @ biases[drawn.speakers[row]]
        length = world.stretch(kind, count)
        start = rng.integers(count - length + 1)
        if drawn.shown[kind][row]:
            x[start : start + length] += evidence[drawn.states[row]]
        yield x


def length_of(kind: str, seconds: float) -> int:
    """Return the number of frames of an utterance."""
    return int(np.clip(round(seconds * FRAMES_PER_S[kind]), FEWEST, MOST))


def _votes(
    ids: "pd.Series[str]",
    states: npt.NDArray[np.int64],
    rng: np.random.Generator,
    naming: np.random.Generator,
) -> pd.DataFrame:
    """Draw every rater's first and second choice and ratings; `naming` draws the raters' names."""
    pairs, _ = world.states()
    careful = rng.random((len(states), world.RATERS)) < world.CAREFUL
    kinds = np.array(
        [
            [world.vote_shares(one, two, kind) for kind in world.RELIABILITY]
            for one, two in pairs.tolist()
        ]
    )
    chances = kinds[states[:, None], 1 - careful.astype(int)]  # (N, R, C)
    first = (chances.cumsum(-1) < rng.random((*careful.shape, 1))).sum(-1)
    first = np.minimum(first, len(world.CLASSES) - 1)
    other = pairs[states, 1][:, None]
    named = (other != world.NONE) & (other != first) & (rng.random(first.shape) < 0.5)
    centre = 4 + np.array(world.EMBEDDING)[pairs[states, 0]][:, None, :3]
    ratings = np.clip(centre + rng.normal(0, 0.8, (*first.shape, 3)), 1, 7)
    rows = np.repeat(np.arange(len(states)), world.RATERS)
    names = np.array(world.CLASSES, dtype=object)
    votes = pd.DataFrame({"id": ids.to_numpy()[rows]})
    votes["rater"] = _raters(careful, naming).ravel()
    votes["primary"] = names[first.ravel()]
    second = [
        [names[o]] if is_named else []
        for o, is_named in zip(np.repeat(other, world.RATERS), named.ravel(), strict=True)
    ]
    votes["secondary"] = second
    votes[list(ATTRIBUTES)] = ratings.reshape(-1, 3)
    return votes


def _raters(careful: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.object_]:
    """Return the rater of each vote (N, R).

    A rater is always of one kind, and votes at most once on an utterance.
    """
    first = rng.integers(world.RATERS_OF_A_KIND, size=(len(careful), 1))
    numbers = (first + np.arange(careful.shape[1])) % world.RATERS_OF_A_KIND
    names = np.array(
        [[f"{kind}{one:02d}" for one in range(world.RATERS_OF_A_KIND)] for kind in ("b", "a")],
        dtype=object,
    )
    named: npt.NDArray[np.object_] = names[careful.astype(int), numbers]
    return named


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
