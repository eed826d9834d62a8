"""A linear map that is shrunk towards the soft vote, as strongly as the rows require.

    z_c = s log v_c + sum_m u_m log p_mc + sum_j W_cj x_j + b_c

Here v is the soft vote, p_m the posteriors of member m, and x the inputs. The map minimises the
cross-entropy, in which all classes have equal weight, plus (l + R) (|u|^2 + |W|^2 + |b|^2) / 2. The
share s is l / (l + R). With an infinite shrinkage l, the result is the soft vote. With l = 0, the
vote has no influence, and the result is a linear map with the ridge penalty R. Between these ends,
the weights u grow before W, because one weight of u serves all classes. The problem is convex, and
it needs no seed.

The shrinkage is chosen by cross-validation over whole speakers (`chosen_shrinkage`). With a prior
above 0, the frequencies of the classes are added to z at the end (`log_frequencies`).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medusa.console import progress
from medusa.ensemble.stacker import TrainSet, Weights
from medusa.ensemble.voting import log_posteriors, soft_vote

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

STRENGTHS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.0)  # The finite values of l that are tried.
RIDGE = 1e-3  # R
PARTS = 5  # The speakers are left out in so many parts.
CONFIDENCE = 0.84  # A gain over the vote must be positive with this confidence: one standard error.


@dataclass(frozen=True)
class Evidence:
    """The quantities of B utterances that enter the map.

    Attributes:
        vote: (B, C) the logarithm of the soft vote.
        logs: (M, B, C) the log-posteriors of the members.
        matrix: (B, I + 1) the inputs, and a column of ones for the bias.
    """

    vote: Array
    logs: Array
    matrix: Array

    def rows(self, mask: Mask) -> "Evidence":
        """Return the utterances for which `mask` (B,) is true."""
        return Evidence(self.vote[mask], self.logs[:, mask], self.matrix[mask])


def evidence_of(posteriors: npt.NDArray[np.floating], inputs: Array) -> Evidence:
    """Return the evidence of posteriors (M, B, C) and inputs (B, I)."""
    matrix = np.concatenate([inputs, np.ones((len(inputs), 1))], 1)
    return Evidence(soft_vote(posteriors), log_posteriors(posteriors), matrix)


def fit_shrunken(train_set: TrainSet, prior: float = 0.0) -> Weights:
    """Choose the shrinkage, and fit the map with it to all rows.

    Args:
        train_set: the n utterances to learn from.
        prior: the share of the classes' frequencies that enters the decision.

    Returns:
        `members`, the weights u (M,); `map`, the weights W with b in the last column (C, I + 1);
        `vote`, the share s (1,); `shrinkage`, l (1,), which may be infinite; and `offset` (C,),
        which is added to z, if the prior is not 0.
    """
    evidence = evidence_of(train_set.posteriors, train_set.inputs)
    shrinkage = chosen_shrinkage(evidence, train_set.labels, train_set.speaker_numbers)
    weights = fit(evidence, train_set.labels, shrinkage)
    offset = {"offset": prior * log_frequencies(train_set)} if prior else {}
    return weights | {"shrinkage": np.array([shrinkage])} | offset


def log_frequencies(train_set: TrainSet) -> Array:
    """Return the logarithm of every class's share (C,); each class counts one row more."""
    counts = np.bincount(train_set.labels, minlength=train_set.n_classes) + 1
    logs: Array = np.log(counts / counts.sum())
    return logs


def vote_of(weights: Weights) -> str | None:
    """Return a phrase for a map with infinite shrinkage, which is the soft vote; otherwise None."""
    if "vote" not in weights or weights["vote"][0] != 1:
        return None
    return "the soft vote" + (
        " with a share of the class frequencies" if "offset" in weights else ""
    )


def apply_shrunken(weights: Weights, evidence: Evidence) -> Array:
    """Return the logits z (B, C)."""
    shared = np.tensordot(weights["members"], evidence.logs, 1)
    logits: Array = weights["vote"] * evidence.vote + shared + evidence.matrix @ weights["map"].T
    return logits + weights.get("offset", 0.0)


def fit(
    evidence: Evidence, labels: Ints, shrinkage: float, start: Weights | None = None
) -> Weights:
    """Return the weights with the least penalised cross-entropy.

    The classes without rows take no part in the cross-entropy, so their rows of W and b are 0.

    Args:
        evidence: n labelled utterances.
        labels: (n,) class numbers.
        shrinkage: l, from 0 to infinity.
        start: the weights from which the search starts. They do not change the optimum.
    """
    from scipy.optimize import minimize

    members, classes = len(evidence.logs), evidence.vote.shape[1]
    share = 1.0 if math.isinf(shrinkage) else shrinkage / (shrinkage + RIDGE)
    flat = np.zeros(members + classes * evidence.matrix.shape[1])
    if not math.isinf(shrinkage):
        if start is not None:
            flat = np.concatenate([start["members"], start["map"].ravel()])
        arguments = (evidence, labels, share, shrinkage + RIDGE)
        settings = {"maxiter": 500, "ftol": 1e-10, "gtol": 1e-6}
        flat = minimize(penalised, flat, arguments, "L-BFGS-B", jac=True, options=settings).x
    return _weights(flat, members, classes, share)


def penalised(
    flat: Array, evidence: Evidence, labels: Ints, share: float, penalty: float
) -> tuple[float, Array]:
    """Return the loss and its gradient (P,) at the weights u, W and b, laid end to end (P,)."""
    from scipy.special import log_softmax

    members, classes = len(evidence.logs), evidence.vote.shape[1]
    counts, rows = np.bincount(labels, minlength=classes), np.arange(len(labels))
    weights = _weights(flat, members, classes, share)
    logits = np.where(counts > 0, apply_shrunken(weights, evidence), -np.inf)
    log_probs = log_softmax(logits, axis=1)
    importance = _importance(labels)
    loss = -(importance * log_probs[rows, labels]).sum() + penalty * (flat @ flat) / 2
    error = np.exp(log_probs)
    error[rows, labels] -= 1
    error *= importance[:, None]
    of_members = evidence.logs.reshape(members, -1) @ error.ravel()
    slope = np.concatenate([of_members, (error.T @ evidence.matrix).ravel()])
    return float(loss), slope + penalty * flat


def chosen_shrinkage(evidence: Evidence, labels: Ints, speakers: Ints) -> float:
    """Return the shrinkage whose gain over the soft vote is the surest on speakers left out.

    The gain is that of the log-probability of the true class, and the classes count equally. Its
    standard error is that of a sum over speakers or over utterances, whichever is larger, because
    two speakers may agree by chance. The lower bound of the gain decides. If no lower bound is
    above 0, or if there is a single speaker, then the shrinkage is infinite: the result is the
    vote.

    Args:
        evidence: n labelled utterances.
        labels: (n,) class numbers.
        speakers: (n,) the number of the speaker of every utterance, from 0.
    """
    from scipy.special import stdtrit

    groups = int(speakers.max()) + 1
    if groups < 2:
        return math.inf
    own, importance = np.arange(len(labels)), _importance(labels)
    voted = evidence.vote[own, labels]
    surest, bound = math.inf, 0.0
    left_out = _left_out(evidence, labels, parts_of(speakers))
    for shrinkage, log_probs in zip(STRENGTHS, left_out, strict=True):
        gains = importance * (log_probs - voted)
        each = np.bincount(speakers, gains, groups)
        error = math.sqrt(max(groups * each.var(ddof=1), len(gains) * gains.var(ddof=1)))
        lower = float(each.sum() - stdtrit(groups - 1, CONFIDENCE) * error)
        if lower > bound:
            surest, bound = shrinkage, lower
    return surest


def parts_of(speakers: Ints) -> Ints:
    """Return the part (n,) in which every utterance is left out; a speaker is in one part only.

    The speakers with the most utterances are placed first, each into the smallest part.
    """
    sizes = np.bincount(speakers)
    load = np.zeros(min(PARTS, len(sizes)), np.int64)
    part = np.zeros(len(sizes), np.int64)
    for speaker in np.argsort(-sizes, kind="stable"):
        part[speaker] = load.argmin()
        load[part[speaker]] += sizes[speaker]
    return part[speakers]


def _left_out(evidence: Evidence, labels: Ints, parts: Ints) -> Array:
    """Return the log-probabilities (S, n) of the true classes of the rows left out.

    Each of the S shrinkages predicts every part after it was fitted on the other parts.
    """
    from scipy.special import log_softmax

    found = np.zeros((len(STRENGTHS), len(labels)))
    count = int(parts.max()) + 1
    with progress("shrinkage", count * len(STRENGTHS), "fit") as advance:
        for part in range(count):
            rows, weights = np.flatnonzero(parts == part), None
            learnt, judged = evidence.rows(parts != part), evidence.rows(parts == part)
            for number, shrinkage in enumerate(STRENGTHS):
                weights = fit(learnt, labels[parts != part], shrinkage, weights)
                log_probs = log_softmax(apply_shrunken(weights, judged), axis=1)
                found[number, rows] = log_probs[np.arange(len(rows)), labels[rows]]
                advance(1)
    return found


def _importance(labels: Ints) -> Array:
    """Return the weight of every row (n,): the classes that occur count equally; the sum is 1."""
    counts = np.bincount(labels)
    return 1.0 / (counts[labels] * np.count_nonzero(counts))


def _weights(flat: Array, members: int, classes: int, share: float) -> Weights:
    """Return the weights by name, from u, W and b laid end to end."""
    return {
        "members": flat[:members],
        "map": flat[members:].reshape(classes, -1),
        "vote": np.array([share]),
    }
