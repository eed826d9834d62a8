"""The corpus with known answers: every formula against brute force."""

import itertools
import json
from collections import Counter

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from medusa.cache import FeatureStore, open_all
from medusa.errors import MedusaError
from medusa.manifests import Manifest
from medusa.recipes.simulate import claim, draw, fill, run, world
from medusa.recipes.simulate.likelihood import class_likelihood, stream_ratio
from medusa.scoring.predictions import Predictions
from medusa.seal import read_sealed_json
from medusa.tests.command_line import call
from medusa.workspace import Workspace

WIDTH = 8


def test_states_are_all_there_once_and_sum_to_one():
    pairs, strengths = world.states()
    assert len({(*pair, s) for pair, s in zip(pairs.tolist(), strengths, strict=True)}) == 128
    assert world.state_prior().sum() == pytest.approx(1)
    of_class = [world.state_prior()[pairs[:, 0] == c].sum() for c in range(8)]
    np.testing.assert_allclose(of_class, world.PRIOR)
    assert world.PRIOR[7] / world.PRIOR[4] == pytest.approx(26, abs=0.5)
    np.testing.assert_allclose(world.mean_vote().sum(1), 1)


@pytest.mark.parametrize("state", [0, 3, 40, 127])
def test_labels_given_a_state_by_going_through_all_ballots(state):
    shares = world.mean_vote()[state]
    expected = np.zeros(8)
    for ballots in itertools.product(range(8), repeat=world.RATERS):
        counts = Counter(ballots).most_common(2)
        if len(counts) == 1 or counts[0][1] > counts[1][1]:
            expected[counts[0][0]] += np.prod(shares[list(ballots)])
    np.testing.assert_allclose(world.label_given_state()[state], expected, atol=1e-12)


def test_drawn_labels_come_as_often_as_computed():
    drawn = draw.corpus(40_000, 1)
    expected = world.state_prior() @ world.label_given_state()
    found = drawn.manifest.frame["label"].value_counts(normalize=False) / 40_000
    for number, name in enumerate(world.CLASSES):
        spread = np.sqrt(expected[number] / 40_000)
        assert found[name] == pytest.approx(expected[number], abs=5 * spread)
    ties = drawn.manifest.frame["label"].isna().mean()
    assert ties == pytest.approx(1 - expected.sum(), abs=0.006)


@pytest.mark.parametrize("name", ["wavlm", "roberta"])
def test_the_likelihood_by_the_whole_covariance(name):
    rng = np.random.default_rng(0)
    kind, (carrier, basis) = world.STREAMS[name][0], world.carriers(WIDTH)[name]
    count = 7
    x = rng.normal(size=(count, WIDTH))
    length = world.stretch(kind, count)
    covariance = np.eye(count * WIDTH) + world.BIAS**2 * np.kron(
        np.ones((count, count)), basis @ basis.T
    )
    nothing = multivariate_normal(np.zeros(count * WIDTH), covariance).logpdf(x.ravel())
    for state in (0, 31, 90):
        by_place = []
        for start in range(count - length + 1):
            mean = np.zeros((count, WIDTH))
            mean[start : start + length] = carrier @ world.evidence()[state]
            by_place.append(multivariate_normal(mean.ravel(), covariance).logpdf(x.ravel()))
        expected = logsumexp(by_place) - np.log(len(by_place)) - nothing
        assert stream_ratio(name, x)[state] == pytest.approx(expected, abs=1e-8)


def test_streams_of_one_kind_share_what_is_shown():
    rng = np.random.default_rng(0)
    states = len(world.state_prior())
    ratios = {name: rng.normal(size=(3, states)) for name in ("wavlm", "hubert", "roberta")}
    found = class_likelihood(ratios)
    for row, label in itertools.product(range(3), range(8)):
        terms = []
        for state in range(states):
            audio = np.exp(ratios["wavlm"][row, state] + ratios["hubert"][row, state])
            text = np.exp(ratios["roberta"][row, state])
            seen = (0.93 * audio + 0.07) * (0.85 * text + 0.15)
            terms.append(world.state_given_label()[state, label] * seen)
        assert found[row, label] == pytest.approx(np.log(np.sum(terms)))
    assert world.SHOWN == {"audio": 0.93, "text": 0.85}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    home = tmp_path_factory.mktemp("simulated")
    call(home, "simulate", "--utterances", "1500", "--width", WIDTH)
    return home


def test_a_workspace_that_every_command_reads(simulated):
    facts = read_sealed_json(simulated / claim.FACTS, "")
    manifest = Manifest.read(simulated / "manifest.parquet")
    frame = manifest.frame
    speakers = [set(frame["speaker"][frame["split"] == name]) for name in draw.SHARES]
    assert not speakers[0] & speakers[1] and not speakers[0] & speakers[2]
    assert not speakers[1] & speakers[2]
    stores = open_all(simulated / "features")
    assert sorted(store.spec.backbone for store in stores) == sorted(world.STREAMS)
    assert all(
        store.spec.family == "simulated" and len(store.index.rows) == 1500 for store in stores
    )
    assert draw.NOTE in manifest.provenance["notes"]
    said = Predictions.read(simulated / run.CEILING)
    assert said.ids == frame["id"].tolist()
    ceiling = facts["ceiling"]
    assert ceiling["all"] > ceiling["wavlm + roberta"] > max(ceiling["wavlm"], ceiling["roberta"])
    assert min(ceiling.values()) > 2 * facts["uniform"] == 0.25
    assert facts["chance"] < facts["uniform"]
    assert sum(facts["sizes"]["splits"].values()) == facts["sizes"]["utterances"] == 1500


def test_the_same_seed_is_the_same_corpus_and_another_folder_is_asked_for(simulated, tmp_path):
    facts = read_sealed_json(simulated / claim.FACTS, "")
    place = run.folder(tmp_path)
    again = run.simulate(place, 1500, WIDTH, 0)
    assert again == facts
    assert (
        Manifest.read(place.manifest).digest()
        == Manifest.read(simulated / "manifest.parquet").digest()
    )
    for store in open_all(place.features):
        other = FeatureStore.open(simulated / "features" / store.path.name)
        contents = list(store.index.rows)
        assert torch.equal(store.read(contents).values, other.read(contents).values)
    with pytest.raises(MedusaError, match="another simulation"):
        run.simulate(place, 1500, WIDTH, 1)
    (tmp_path / claim.FACTS).unlink()
    with pytest.raises(MedusaError, match="folder of its own"):
        run.simulate(place, 1500, WIDTH, 0)


def test_an_interrupted_simulation_goes_on(simulated, tmp_path, monkeypatch):
    real, left = fill.stream_ratios, iter(range(7, -1, -1))  # in the second block

    def dies(*args):
        if next(left) == 0:
            raise KeyboardInterrupt
        return real(*args)

    place = run.folder(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(fill, "stream_ratios", dies)
        with pytest.raises(KeyboardInterrupt):
            run.simulate(place, 1500, WIDTH, 0)
    assert "ceiling" not in json.loads((tmp_path / claim.FACTS).read_text())
    again = run.simulate(place, 1500, WIDTH, 0)
    assert again == read_sealed_json(simulated / claim.FACTS, "")


def test_nobody_does_better_than_the_ceiling(simulated):
    """A learner that is told the mean of every stream stays below it on the same rows."""
    from sklearn.linear_model import LogisticRegression

    place = Workspace.open(simulated)
    frame = Manifest.read(place.manifest).frame
    drawn = draw.corpus(1500, 0)
    means = [
        np.array([x.mean(0) for x in draw.frames(drawn, name, WIDTH, 0)]) for name in world.STREAMS
    ]
    inputs = np.concatenate(means, 1)
    known = frame["label"].notna().to_numpy()
    train = (frame["split"] == "train").to_numpy() & known
    others = (frame["split"] != "train").to_numpy() & known
    model = LogisticRegression(class_weight="balanced", max_iter=2000, C=0.1)
    model.fit(inputs[train], frame["label"][train])
    said = Predictions.read(place.root / run.CEILING).logits().argmax(1)
    best = np.array(world.CLASSES)[said][others]
    truth = frame["label"].to_numpy()[others]
    recalls = [
        np.mean([(guess == truth)[truth == name].mean() for name in np.unique(truth)])
        for guess in (best, model.predict(inputs[others]))
    ]
    assert recalls[0] > recalls[1] > 0.3


def test_heads_train_on_it_and_are_stacked(tmp_path):
    call(tmp_path, "simulate", "--utterances", "200", "--speakers", "12", "--width", WIDTH)
    sets = ("head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1")
    words = [word for one in sets for word in ("--set", one)]
    for backbones in ("wavlm,roberta", "whisper"):
        result = call(tmp_path, "fit-head", "--config", "small", "--backbones", backbones, *words)
        assert "Simulated" in result.output  # nobody may take it for real
    quick = ("--method", "linear", "--set", "seeds=2", "--set", "training.epochs=5")
    assert "Simulated" in call(tmp_path, "stack", *quick).output


def test_force_replaces_a_simulation_and_nothing_else(tmp_path):
    place = run.folder(tmp_path)
    first = run.simulate(place, 200, WIDTH, 0)
    again = run.simulate(place, 200, WIDTH, 0, force=True)
    assert again == first
    other = run.simulate(place, 200, WIDTH, 1, people=15, force=True)
    assert other["asked"]["speakers"] == 15 >= other["sizes"]["speakers"]
    stores = open_all(place.features)
    assert [store.spec.backbone for store in stores] == sorted(world.STREAMS)  # no old ones
    assert all("seed 1" in store.spec.revision for store in stores)
    (place.runs / "r").mkdir(parents=True)
    with pytest.raises(MedusaError, match="runs on the present simulation"):
        run.simulate(place, 200, WIDTH, 0, force=True)
    (tmp_path / claim.FACTS).unlink()
    with pytest.raises(MedusaError, match="folder of its own"):
        run.simulate(place, 200, WIDTH, 1, people=15, force=True)


def test_wrong_numbers_are_said_all_at_once(tmp_path):
    with pytest.raises(MedusaError) as wrong:
        run.simulate(run.folder(tmp_path), 100, 4, 0, people=300)
    message = str(wrong.value)
    assert "--utterances 100" in message and "--width 4" in message and "--speakers 300" in message
    with pytest.raises(MedusaError, match=r"^--utterances 0: expected at least 200$"):
        run.simulate(run.folder(tmp_path), 0, WIDTH, 0)
    assert not list(tmp_path.iterdir())


def test_the_help_tells_the_least_of_everything(tmp_path):
    told = " ".join(call(tmp_path, "simulate", "--help").output.split())
    for least in (claim.FEWEST_UTTERANCES, draw.FEWEST_SPEAKERS, claim.LEAST_WIDTH):
        assert f"at least {least}." in told
