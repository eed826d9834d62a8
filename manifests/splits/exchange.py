"""Speakers are given to roles, such as folds or splits, by a search that exchanges them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.manifests.manifest import Manifest
from medusa.randomness import random_stream

Floats = npt.NDArray[np.float64]
Roles = npt.NDArray[np.intp]
MOST_STARTS, MOST_STEPS, MOST_CANDIDATES = 8, 1000, 128
ABSENT = 1e6  # One absent class costs more than the worst shares.
NOTHING = 1e-9


@dataclass(frozen=True)
class Mass:
    """The share that each of S groups has of the rows, of every class and of every gender.

    Attributes:
        shares: (S, D); each column adds up to 1.
        weights: (D,) rows, classes and genders have the same weight.
        is_class: (D,) the columns of classes.
    """

    shares: Floats
    weights: Floats
    is_class: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, manifest: Manifest, codes: npt.NDArray[np.intp]) -> "Mass":
        """Count the rows, the consensus labels and the genders of every group.

        Args:
            manifest: U rows.
            codes: (U,) the number of the group of each row, from 0.
        """
        frame = manifest.frame
        kinds = [np.ones((len(frame), 1))]
        kinds += [pd.get_dummies(frame[name]).to_numpy(np.float64) for name in ("label", "gender")]
        columns = np.concatenate(kinds, axis=1)
        counts = np.zeros((int(codes.max()) + 1, columns.shape[1]))
        np.add.at(counts, codes, columns)
        widths = [kind.shape[1] for kind in kinds]
        weights = np.concatenate([np.full(width, 1 / max(width, 1)) for width in widths])
        return cls(counts / counts.sum(0), weights, np.repeat([False, True, False], widths))


def divide_evenly(mass: Mass, wanted: Floats, seed: int) -> Roles:
    """Give every group to one role, so that each role has its share of rows, classes and genders.

    Groups are exchanged or moved between two roles as long as the cost falls, from several random
    starts. An absent class costs more than uneven shares. Every role gets at least one group.

    Args:
        mass: of S groups.
        wanted: (R,) the share of each role; R is at most S. The first role misses a class last.
        seed: the seed of the starts.

    Returns:
        (S,) the number of the role of each group.
    """
    groups, rng = len(mass.shares), random_stream(seed, "balanced folds")
    starts = min(MOST_STARTS, max(1, 400 // groups)) if len(wanted) < groups else 1
    begun = [_random_start(groups, wanted, rng) for _ in range(starts)]
    found = [_improved(roles, mass, wanted, rng) for roles in begun]
    return min(found, key=lambda roles: _total_cost(roles, mass, wanted))


def with_fewer_absent(roles: Roles, mass: Mass, wanted: Floats, seed: int) -> Roles:
    """Return roles (S,) that lack fewer classes, or the given roles if exchanges find none."""
    before = _absent_cost(roles, mass, len(wanted))
    if not before:
        return roles
    found = _improved(roles.copy(), mass, wanted, random_stream(seed, "exchange of speakers"))
    return found if _absent_cost(found, mass, len(wanted)) < before else roles


def _random_start(groups: int, wanted: Floats, rng: np.random.Generator) -> Roles:
    """Return roles (S,) in a random order; the counts of groups are near the wanted shares."""
    counts = np.maximum(np.floor(wanted / wanted.sum() * groups), 1).astype(np.intp)
    while counts.sum() > groups:
        counts[counts.argmax()] -= 1
    rest = np.resize(np.argsort(-wanted, kind="stable"), groups - counts.sum())
    np.add.at(counts, rest, 1)
    return rng.permutation(np.repeat(np.arange(len(wanted)), counts))


def _improved(roles: Roles, mass: Mass, wanted: Floats, rng: np.random.Generator) -> Roles:
    """Exchange groups between pairs of roles until no exchange lowers the cost."""
    pairs = [(a, b) for a in range(len(wanted)) for b in range(a)]
    for _ in range(MOST_STEPS):
        if not any([_exchange(roles, a, b, mass, wanted, rng) for a, b in pairs]):
            break
    return roles


def _exchange(
    roles: Roles, a: int, b: int, mass: Mass, wanted: Floats, rng: np.random.Generator
) -> bool:
    """Make the best exchange between two roles in place; return False if none lowers the cost.

    A group may also move without an exchange, unless its role would be empty.
    """
    of_a, of_b = (_candidates(roles, role, rng) for role in (a, b))
    from_a, from_b = (_with_none(mass.shares[one]) for one in (of_a, of_b))
    delta = from_b[None] - from_a[:, None]
    sums = [mass.shares[roles == role].sum(0) for role in (a, b)]
    cost = _cost(sums[0] + delta, a, mass, wanted) + _cost(sums[1] - delta, b, mass, wanted)
    present = cost[-1, -1]  # Here, nothing moves.
    if (roles == a).sum() == 1:
        cost[:-1, -1] = np.inf
    if (roles == b).sum() == 1:
        cost[-1, :-1] = np.inf
    row, column = np.unravel_index(int(cost.argmin()), cost.shape)
    if not cost[row, column] < present - NOTHING:
        return False
    roles[of_a[row : row + 1]] = b
    roles[of_b[column : column + 1]] = a
    return True


def _candidates(roles: Roles, role: int, rng: np.random.Generator) -> Roles:
    """Return the groups of a role; a random sample of them if there are many."""
    groups = np.flatnonzero(roles == role)
    if len(groups) <= MOST_CANDIDATES:
        return groups
    return rng.choice(groups, MOST_CANDIDATES, replace=False)


def _with_none(shares: Floats) -> Floats:
    """Return shares (S, D) with a row of zeros, which stands for no group."""
    return np.concatenate([shares, np.zeros((1, shares.shape[1]))])


def _total_cost(roles: Roles, mass: Mass, wanted: Floats) -> float:
    sums = _sums(roles, mass, len(wanted))
    return float(sum(_cost(one, role, mass, wanted) for role, one in enumerate(sums)))


def _absent_cost(roles: Roles, mass: Mass, count: int) -> float:
    """Return the number of absent classes over all roles; those of the first role count thrice."""
    sums = _sums(roles, mass, count)
    return float(sum(_absent(one, role, mass) for role, one in enumerate(sums)))


def _sums(roles: Roles, mass: Mass, count: int) -> list[Floats]:
    return [mass.shares[roles == role].sum(0) for role in range(count)]


def _cost(sums: Floats, role: int, mass: Mass, wanted: Floats) -> Floats:
    """Return the cost (...) of a role that has these shares (..., D)."""
    distance = ((sums - wanted[role]) ** 2 / wanted[role]) @ mass.weights
    cost: Floats = ABSENT * _absent(sums, role, mass) + distance
    return cost


def _absent(sums: Floats, role: int, mass: Mass) -> Floats:
    absent: Floats = (sums[..., mass.is_class] < NOTHING).sum(-1) * (3.0 if role == 0 else 1.0)
    return absent
