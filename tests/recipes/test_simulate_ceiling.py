"""The exact answers are calibrated on what was drawn, and judged as they should be."""

import itertools

import numpy as np
import pytest
from scipy.special import softmax

from medusa.recipes.simulate import draw, likelihood, world
from medusa.recipes.simulate.ceiling import ceilings, predictions_of, views
from medusa.recipes.simulate.likelihood import class_likelihood, stream_ratio, stream_ratios
from medusa.scoring.metrics import macro_f1

WIDTH, COUNT = 8, 1500
EDGES = (0, 0.02, 0.1, 0.3, 0.7, 0.9, 1.01)


@pytest.fixture(scope="module")
def drawn():
    return draw.corpus(COUNT, 3)


@pytest.fixture(scope="module")
def streams(drawn):
    return {name: list(draw.frames(drawn, name, WIDTH, 3)) for name in world.STREAMS}


def surprises(drawn, streams) -> list[float]:
    """How many standard deviations the labels are from what the exact posteriors promise.

    Classes by number, posteriors by size, and the log-loss against the posteriors' entropy.
    """
    ratios = {name: stream_ratios(name, frames) for name, frames in streams.items()}
    prior = np.log(world.state_prior() @ world.label_given_state())
    labels = drawn.manifest.frame["label"]
    known = labels.notna().to_numpy()
    said = softmax(class_likelihood(ratios) + prior, 1)[known]
    truth = np.array([world.CLASSES.index(name) for name in labels[known]])
    off, spread = np.eye(8)[truth] - said, said * (1 - said)
    found = list(off.sum(0) / np.sqrt(spread.sum(0)))
    sizes = np.digitize(said, EDGES)
    for size in np.unique(sizes):
        found.append(off[sizes == size].sum() / np.sqrt(spread[sizes == size].sum()))
    loss = -np.log(said)
    entropy = (said * loss).sum(1)
    variance = (said * loss**2).sum(1) - entropy**2
    found.append((loss[np.arange(len(truth)), truth] - entropy).sum() / np.sqrt(variance.sum()))
    return found


def test_what_was_drawn_is_as_likely_as_computed(drawn, streams):
    """If likelihood and drawing disagreed anywhere, the posteriors would not be calibrated."""
    assert np.abs(surprises(drawn, streams)).max() < 4


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("BIAS", 0.01),
        ("SHOWN", {"audio": 0.999, "text": 0.999}),
        ("stretch", lambda kind, frames: max(1, round(0.5 * frames))),
    ],
)
def test_a_wrong_likelihood_would_be_noticed(drawn, streams, monkeypatch, name, wrong):
    monkeypatch.setattr(likelihood, name, wrong)
    assert np.abs(surprises(drawn, streams)).max() > 5


def test_utterances_of_many_lengths_as_one_by_one(streams):
    some = streams["whisper"][:60]
    assert len({len(frames) for frames in some}) > 10
    alone = np.stack([stream_ratio("whisper", frames) for frames in some])
    np.testing.assert_allclose(stream_ratios("whisper", some), alone, atol=1e-9)


def test_any_rows_can_be_drawn_alone(drawn, streams):
    for row, frames in zip((7, 3), draw.frames(drawn, "hubert", WIDTH, 3, [7, 3]), strict=True):
        np.testing.assert_array_equal(frames, streams["hubert"][row])


def test_evidence_stands_where_it_was_put(monkeypatch):
    """Averaged over utterances of one state, the drawn frames are the formula's mean."""
    monkeypatch.setattr(world, "BIAS", 1e-9)
    drawn = draw.corpus(3000, 0)
    state = int(np.bincount(drawn.states).argmax())
    rows = np.flatnonzero((drawn.states == state) & drawn.shown["text"])
    made = draw.frames(drawn, "roberta", WIDTH, 0, rows.tolist())
    sums, shown = np.zeros(WIDTH), 0
    for frames in made:
        sums += frames.sum(0)
        shown += world.stretch("text", len(frames))
    carrier = world.carriers(WIDTH)["roberta"][0]
    expected = carrier @ world.evidence()[state]
    total = sum(draw.length_of("text", one) for one in drawn.manifest.frame["duration_s"][rows])
    assert np.abs(sums - shown * expected).max() < 4 * np.sqrt(total)


def test_every_rater_is_of_one_kind_and_votes_once(drawn):
    votes = drawn.manifest.votes
    assert not votes.duplicated(["id", "rater"]).any()
    frame = drawn.manifest.frame.set_index("id")
    agrees = votes["primary"].to_numpy() == frame["label"].loc[votes["id"]].to_numpy()
    careful = votes["rater"].str.startswith("a").to_numpy()
    assert careful.mean() == pytest.approx(world.CAREFUL, abs=0.02)
    assert agrees[careful].mean() > agrees[~careful].mean() + 0.1
    assert votes["rater"].nunique() == 2 * world.RATERS_OF_A_KIND


def test_every_set_of_streams_is_answered(streams):
    names = views()
    assert len(names) == 2 ** len(world.STREAMS) - 1
    assert names["all"] == tuple(world.STREAMS)
    assert names["wavlm + roberta"] == ("wavlm", "roberta")
    ratios = {name: stream_ratios(name, frames[:20]) for name, frames in streams.items()}
    said = predictions_of(ratios)
    pair = {name: ratios[name] for name in ("hubert", "modernbert")}
    expected = class_likelihood(pair).argmax(1)
    np.testing.assert_array_equal(said["hubert + modernbert"], expected)


def test_ceilings_by_hand():
    """Two classes: 3 of 4 angry right, 1 of 2 sad; by shares .75/.25 and .5/.5."""
    truth, said = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0])
    prior = np.zeros(8)
    prior[:2] = 3, 1
    found = ceilings(truth, {"all": said}, list("aabbcc"), prior)
    f1 = (2 * 0.75 / (1 + 1.25), 2 * 0.5 / (1 + 0.75))
    assert found["ceiling"]["all"] == pytest.approx(np.mean(f1))
    # a draw has both sad ones and two of the angry: one of the six pairs, each alike
    pairs = [[*pair, 4, 5] for pair in itertools.combinations(range(4), 2)]
    by_pair = [macro_f1(truth[rows], said[rows], 8) for rows in pairs]
    assert found["on_draws"]["all"] == pytest.approx(np.mean(by_pair), abs=0.06)
    assert found["chance"] == pytest.approx((2 * 0.75 * 0.5 / 1.25 + 2 * 0.25 * 0.5 / 0.75) / 2)
    assert found["uniform"] == pytest.approx(2 * 0.125 * 0.5 / 0.625)
    low, high = found["interval"]["all"]
    assert low < found["ceiling"]["all"] < high
    assert found["judged"] == 6


def test_more_streams_are_never_worse_beyond_noise(drawn, streams):
    ratios = {name: stream_ratios(name, frames) for name, frames in streams.items()}
    labels = drawn.manifest.frame["label"]
    known = labels.notna().to_numpy()
    truth = np.array([world.CLASSES.index(name) for name in labels[known]])
    speakers = drawn.manifest.frame["speaker"][known].tolist()
    said = {view: one[known] for view, one in predictions_of(ratios).items()}
    found = ceilings(truth, said, speakers, np.ones(8))["ceiling"]
    for more, fewer in itertools.permutations(views(), 2):
        if set(views()[fewer]) < set(views()[more]):
            assert found[more] > found[fewer] - 0.02
