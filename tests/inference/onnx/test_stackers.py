"""Every stacker gives the same numbers in ONNX Runtime as the stored arrays give in numpy."""

import numpy as np
import onnxruntime
import pytest
from scipy.special import softmax

from medusa.ensemble.members import Members
from medusa.ensemble.stack_inputs import inputs_of, train_set_of
from medusa.ensemble.stacker import StackConfig, StackInputs, Training
from medusa.ensemble.stackers import STACKERS, SoftVote, stacker_of
from medusa.errors import RunError
from medusa.inference.onnx.graph import OnnxGraph
from medusa.inference.onnx.outputs import HeadValues
from medusa.inference.onnx.stackers import MemberValues, stacked
from medusa.scoring import Truth

M, B, C = 3, 60, 4


def members_with(rated: int, seed: int = 0) -> tuple[Members, np.ndarray]:
    """Return members that know the labels a little; the first `rated` predict attributes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(B) % C
    logits = rng.normal(size=(M, B, C)) + 1.5 * np.eye(C)[labels]
    logits = logits.astype(np.float32)
    posteriors = softmax(logits, axis=-1)
    posteriors[0, 0] = np.eye(C)[1]  # a class that is excluded
    logits[0, 0] = np.where(np.eye(C)[1] > 0, 0, -200)
    return Members(
        names=("a", "b", "c"),
        ids=[f"{row:03}" for row in range(B)],
        splits=np.full(B, "dev"),
        folds=np.full(B, -1),
        classes=("w", "x", "y", "z"),
        logits=logits,
        posteriors=posteriors,
        attributes=rng.uniform(1, 7, size=(rated, B, 3)).astype(np.float32),
    ), labels


def in_onnx(members: Members, config: StackConfig, weights: dict[str, np.ndarray]):
    graph, rated = OnnxGraph(), len(members.attributes)
    feed, values = {}, []
    for number in range(M):
        logits = graph.input(f"logits_{number}", "float32", ["batch", C])
        feed[f"logits_{number}"] = members.logits[number]
        attributes = None
        if number < rated:
            attributes = graph.input(f"attributes_{number}", "float32", ["batch", 3])
            feed[f"attributes_{number}"] = members.attributes[number]
        values.append(HeadValues(logits, attributes))
    found = stacked(MemberValues.of(values, C, config), stacker_of(config), weights)
    graph.output("out", found.logits, ["batch", C])
    if found.attributes is not None:
        graph.output("attributes", found.attributes, ["batch", 3])
    session = onnxruntime.InferenceSession(graph.model({}).SerializeToString())
    return [*session.run(None, feed), None][:2]


@pytest.mark.parametrize(
    ("inputs", "with_attributes", "rated"),
    [("posteriors", False, 0), ("logits", True, 2), ("posteriors", False, 3)],
)
@pytest.mark.parametrize("method", STACKERS)
def test_every_stacker(method: str, inputs: str, with_attributes: bool, rated: int) -> None:
    members, labels = members_with(rated)
    config = StackConfig(
        method, inputs=inputs, with_attributes=with_attributes, seeds=2, training=Training(epochs=3)
    )
    ratings = np.random.default_rng(1).uniform(1, 7, size=(B, 3)).astype(np.float32)
    if not rated:
        ratings[:] = np.nan
    truth = Truth(
        labels, np.eye(C, dtype=np.float32)[labels], ratings, [str(row % 7) for row in range(B)]
    )
    stacker = stacker_of(config)
    weights = stacker.fit(train_set_of(members, truth, config), config).weights
    expected = stacker.predict(weights, inputs_of(members, config))
    logits, attributes = in_onnx(members, config, weights)
    np.testing.assert_allclose(logits, expected.logits, rtol=1e-5, atol=1e-5)
    assert (attributes is None) == (expected.attributes is None)
    if attributes is not None:
        np.testing.assert_allclose(attributes, expected.attributes, rtol=1e-5, atol=1e-5)


def test_a_tied_vote_goes_to_the_larger_posteriors() -> None:
    members, _ = members_with(0)
    found, _ = in_onnx(members, StackConfig("majority"), {})
    rows = StackInputs(members.posteriors, members.attributes, np.zeros((B, 0)))
    expected = STACKERS["majority"].predict({}, rows).logits
    assert (found.argmax(1) == expected.argmax(1)).all()
    first = members.posteriors.argmax(-1)
    assert any(len({*first[:, row].tolist()}) == M for row in range(B))


def test_a_stacker_without_a_form_is_named() -> None:
    class OwnVote(SoftVote):
        pass

    graph = OnnxGraph()
    values = HeadValues(graph.input("logits", "float32", ["batch", C]), None)
    with pytest.raises(RunError, match="OwnVote: this stacker has no ONNX form; export a model"):
        stacked(MemberValues.of([values], C, StackConfig("soft")), OwnVote(), {})
