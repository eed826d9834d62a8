"""The stackers as operations on the predictions of their members."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.ensemble import stackers
from medusa.ensemble.stack_inputs import HALF, MIDDLE
from medusa.ensemble.stacker import StackConfig, Stacker, Weights
from medusa.ensemble.voting import TINY
from medusa.inference.onnx.graph import OnnxGraph, Value
from medusa.inference.onnx.operations import form_of, log_softmax, mean_of
from medusa.inference.onnx.outputs import HeadValues


@dataclass(frozen=True)
class MemberValues:
    """The predictions of M members in double precision.

    Attributes:
        posteriors: M times (B, C).
        attributes: (B, 3) of each member that predicts attributes.
        matrix: (B, I) the inputs of a learned map.
        classes: C.
    """

    posteriors: list[Value]
    attributes: list[Value]
    matrix: Value
    classes: int

    @property
    def graph(self) -> OnnxGraph:
        """The graph to which the predictions belong."""
        return self.matrix.graph

    @classmethod
    def of(cls, members: Sequence[HeadValues], classes: int, config: StackConfig) -> "MemberValues":
        """Return the predictions of the members as a stacker reads them."""
        graph = members[0].logits.graph
        posteriors = [graph.op("Softmax", one.logits, axis=-1).to("float64") for one in members]
        rated = [one.attributes for one in members if one.attributes is not None]
        attributes = [one.to("float64") for one in rated]
        scores = posteriors
        if config.inputs == "logits":
            scores = [one.logits.to("float64") for one in members]
        more = [(one - np.float64(MIDDLE)) / np.float64(HALF) for one in attributes]
        matrix = graph.concat([*scores, *(more if config.with_attributes else [])], 1)
        return cls(posteriors, attributes, matrix, classes)

    @property
    def logs(self) -> list[Value]:
        """The log-posteriors of the members, at least log 1e-12."""
        return [_log(one) for one in self.posteriors]


def stacked(members: MemberValues, stacker: Stacker, weights: Weights) -> HeadValues:
    """Combine the members; the results are in float32."""
    logits = form_of(STACKERS, stacker, "stacker")(members, weights)
    attributes = mean_of(members.attributes) if members.attributes else None
    if isinstance(stacker, stackers.LinearSoup):
        logits, attributes = _parted(logits, members.classes, weights)
    rated = None if attributes is None else attributes.to("float32")
    return HeadValues(logits.to("float32"), rated)


def _log(shares: Value) -> Value:
    return shares.graph.op("Log", shares.graph.op("Max", shares, np.float64(TINY)))


def _normalised_log(scores: Value) -> Value:
    return _log(scores / scores.reduce("Sum", 1, keep=True))


def _soft(members: MemberValues, weights: Weights) -> Value:
    return _normalised_log(mean_of(members.posteriors))


def _majority(members: MemberValues, weights: Weights) -> Value:
    graph, total = members.graph, mean_of(members.posteriors)
    numbers = np.arange(members.classes)
    for one in members.posteriors:
        choice = graph.op("ArgMax", one, axis=1, keepdims=1)
        total = total + graph.op("Equal", choice, numbers).to("float64")
    return _normalised_log(total)


def _product(members: MemberValues, weights: Weights) -> Value:
    return mean_of(members.logs)


def _opinion_pool(members: MemberValues, weights: Weights) -> Value:
    return _weighted(members, weights["weights"]) + _doubles(weights["bias"])


def _shrunken(members: MemberValues, weights: Weights) -> Value:
    vote = _soft(members, weights) * _doubles(weights["vote"])
    maps = _doubles(weights["map"])
    learnt = members.matrix @ maps[:, :-1].T.copy() + maps[:, -1].copy()
    return vote + _weighted(members, weights["members"]) + learnt


def _weighted(members: MemberValues, weights: Any) -> Value:
    """Return the weighted sum of the log-posteriors."""
    logs = members.graph.stack(members.logs)
    return (logs * _doubles(weights)[:, None, None]).reduce("Sum", 0)


def _map(members: MemberValues, weights: Weights) -> Value:
    return _affine(members.matrix, weights["weight"], weights["bias"])


def _soup(members: MemberValues, weights: Weights) -> Value:
    return _affine(members.matrix, weights["soup.weight"], weights["soup.bias"])


def _parted(outputs: Value, classes: int, weights: Weights) -> tuple[Value, Value | None]:
    """Part the outputs of a linear map into logits and attributes, if it predicts any."""
    if len(weights["soup.bias"]) == classes:
        return outputs, None
    sizes = np.array([classes, len(weights["soup.bias"]) - classes], np.int64)
    logits, rated = outputs.graph.ops("Split", [outputs, sizes], 2, axis=1)
    return logits, rated * np.float64(HALF) + np.float64(MIDDLE)


def _networks(members: MemberValues, weights: Weights) -> Value:
    graph, parts, seed = members.graph, [], 0
    while f"first.{seed}" in weights:
        first, one, second, two = (
            weights[f"{key}.{seed}"] for key in ("first", "one", "second", "two")
        )
        hidden = graph.op("Relu", _affine(members.matrix, first, one))
        parts.append(graph.op("Exp", log_softmax(_affine(hidden, second, two))))
        seed += 1
    return _log(mean_of(parts))


def _forest(members: MemberValues, weights: Weights) -> Value:
    """Sum the leaves of all trees with the operation for them, in which a node is a row."""
    roots, inner = weights["roots"], weights["left"] >= 0
    owner = np.searchsorted(roots, np.arange(len(inner)), side="right") - 1
    number = np.arange(len(inner)) - roots[owner]
    leaves, targets = np.nonzero(np.where(inner[:, None], 0, weights["value"]))
    settings = {
        "nodes_treeids": owner,
        "nodes_nodeids": number,
        "nodes_featureids": np.maximum(weights["feature"], 0),
        "nodes_truenodeids": np.where(inner, weights["left"] - roots[owner], 0),
        "nodes_falsenodeids": np.where(inner, weights["right"] - roots[owner], 0),
        "target_treeids": owner[leaves],
        "target_nodeids": number[leaves],
        "target_ids": targets,
    }
    graph = members.graph
    modes = ["BRANCH_LEQ" if one else "LEAF" for one in inner]
    total = graph.ops(
        "TreeEnsembleRegressor",
        [members.matrix.to("float32").to("float64")],
        1,
        domain="ai.onnx.ml",
        n_targets=members.classes,
        nodes_modes=modes,
        nodes_values_as_tensor=graph.tensor(_doubles(weights["threshold"])),
        target_weights_as_tensor=graph.tensor(_doubles(weights["value"][leaves, targets])),
        **{name: values.astype(np.int64).tolist() for name, values in settings.items()},
    )[0]
    return _log(total.to("float64") / np.float64(len(roots)))


def _affine(x: Value, weight: Any, bias: Any) -> Value:
    return x @ _doubles(weight).T.copy() + _doubles(bias)


def _doubles(values: Any) -> npt.NDArray[np.float64]:
    return np.asarray(values, np.float64)


STACKERS: dict[type, Callable[[MemberValues, Weights], Value]] = {
    stackers.ShrunkenMap: _shrunken,
    stackers.LinearSoup: _soup,
    stackers.OpinionPool: _opinion_pool,
    stackers.MajorityVote: _majority,
    stackers.SoftVote: _soft,
    stackers.ProductVote: _product,
    stackers.LogisticRegressionStacker: _map,
    stackers.SupportVectorStacker: _map,
    stackers.NetworkStacker: _networks,
    stackers.ForestStacker: _forest,
}
