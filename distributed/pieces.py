"""The pieces of work that a process takes; together, the processes take every piece once."""

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from medusa.errors import ConfigError


class Pieces(Protocol):
    """A rule that chooses among pieces of work by their costs alone.

    Every process has the same list of costs, so that no process needs to know the others.
    """

    def choose(self, costs: Sequence[float]) -> list[int]:
        """Return the numbers of the pieces that this process takes, in ascending order."""
        ...


@dataclass(frozen=True)
class Share:
    """The share `number` of `count` shares with nearly the same cost.

    Attributes:
        number: the number of the share, from 0.
        count: the number of shares, at least 1.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Share":
        """Return the share that a text such as `2/8` names.

        Raises:
            ConfigError: the text is no such pair, or the number is not below the count.
        """
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        if found is None or int(found[1]) >= int(found[2]):
            raise ConfigError(
                f"--shard {text}: expected I/N, where I is from 0 to N - 1; such as 0/4 for the "
                "first of four shares"
            )
        return cls(int(found[1]), int(found[2]))

    def choose(self, costs: Sequence[float]) -> list[int]:
        """Give the dearest piece to the share with the least cost so far; return the own pieces.

        The dearest share costs at most 4/3 of the best division (Graham 1969, the rule LPT).
        """
        shares = [(0.0, number) for number in range(self.count)]
        own = []
        for piece in sorted(range(len(costs)), key=lambda one: (-costs[one], one)):
            cost, number = heapq.heappop(shares)
            if number == self.number:
                own.append(piece)
            heapq.heappush(shares, (cost + costs[piece], number))
        return sorted(own)


ALL = Share(0, 1)
