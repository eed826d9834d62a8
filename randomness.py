"""A stream of random numbers for every use of randomness. No two uses share their numbers.

NumPy's `default_rng([1, 0])` and `default_rng([1])` draw the same numbers, and so do two uses that
both start from the seed. A stream therefore starts from a digest of the seed, the name of the use,
and its numbers. docs/contracts.md lists the names. Only the splits keep their first stream.
"""

import hashlib

import numpy as np

LARGEST = 2**32 - 1  # scikit-learn takes seeds up to this number.


def random_stream(seed: int, use: str, *numbers: int) -> np.random.Generator:
    """Return the random generator of one use of randomness.

    Args:
        seed: the seed that the user can change, or a constant.
        use: the name of the use. It occurs once in the code.
        numbers: the position inside the use, such as the step of a training.
    """
    return np.random.default_rng(_digest(seed, use, *numbers))


def split_stream(seed: int) -> np.random.Generator:
    """Return the generator that divides speakers or utterances into splits or folds.

    It is that of version 0.1.0, because the same command gives the same split again.
    """
    return np.random.default_rng(seed)


def seed_for(seed: int, use: str, *numbers: int) -> int:
    """Return the seed, below 2**32, of one use whose generator is PyTorch's or scikit-learn's.

    The arguments are those of `random_stream`.
    """
    return int(random_stream(seed, use, *numbers).integers(LARGEST, endpoint=True))


def _digest(seed: int, use: str, *numbers: int) -> int:
    text = "/".join([use, *(str(int(number)) for number in (seed, *numbers))])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
