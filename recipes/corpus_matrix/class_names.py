"""Which classes of several corpora mean the same: every class has a common name."""

from collections import Counter
from collections.abc import Mapping, Sequence

from medusa.errors import ConfigError, ManifestError, listed

# A class of a corpus -> its common name. A class that is not here has its own name.
COMMON_NAMES = {
    "anger": "angry",
    "boredom": "bored",
    "disgusted": "disgust",
    "excited": "happy",
    "excitement": "happy",
    "fearful": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}


def read_names(text: str) -> dict[str, str]:
    """Return the common names: those of `COMMON_NAMES`, with changes.

    Args:
        text: the changes, `CLASS=NAME,...`, such as `calm=neutral`.

    Raises:
        ConfigError: a part is no such pair.
    """
    names = dict(COMMON_NAMES)
    for part in (piece for piece in text.split(",") if piece.strip()):
        left, equals, right = (piece.strip().lower() for piece in part.partition("="))
        if not equals or not left or not right:
            raise ConfigError(f"--map: expected CLASS=NAME, found {part.strip()!r}")
        names[left] = right
    return names


def shared_names(
    corpora: Mapping[str, Sequence[str]], names: Mapping[str, str], wanted: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the common names that are judged: the wanted ones, or those of every corpus.

    Args:
        corpora: the classes of every corpus.
        names: the common name of a class; a class that is absent has its own name.
        wanted: the names to judge; by default those that every corpus has.

    Raises:
        ManifestError: fewer than two names remain, or a wanted name belongs to no corpus.
    """
    own = {corpus: [names.get(one, one) for one in classes] for corpus, classes in corpora.items()}
    known = dict.fromkeys(name for found in own.values() for name in found)
    if strange := [name for name in wanted if name not in known]:
        raise ManifestError(f"--classes: no corpus has {listed(strange)}; there is {listed(known)}")
    found = tuple(wanted or (name for name in known if all(name in one for one in own.values())))
    if len(found) < 2:
        lists = "; ".join(f"{corpus} has {', '.join(one)}" for corpus, one in own.items())
        raise ManifestError(
            f"expected at least two classes of all corpora, found {listed(found) or 'none'}; "
            f"{lists}; name common classes with --map, or those to judge with --classes"
        )
    return found


def pair_map(
    head: Sequence[str], target: Sequence[str], names: Mapping[str, str], judged: Sequence[str]
) -> dict[str, str | None]:
    """Return the class of the target corpus that each class of a head means, or None.

    Args:
        head: the classes of the head.
        target: the classes of the target corpus.
        names: the common name of a class; a class that is absent has its own name.
        judged: the common names that are judged.

    Raises:
        ManifestError: the head or the target lacks a judged name, or two classes of the target
            have the same judged name.
    """
    wanted = [(one, names.get(one, one)) for one in target if names.get(one, one) in judged]
    counts = Counter(name for _, name in wanted)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ManifestError(
            f"several classes of the tested corpus mean {listed(twice)}; merge them with `medusa "
            "manifest relabel`"
        )
    sides = {"trained": {names.get(one, one) for one in head}, "tested": set(counts)}
    for side, known in sides.items():
        if absent := [name for name in judged if name not in known]:
            raise ManifestError(f"the {side} corpus has no {listed(absent)}")
    by_name = {name: one for one, name in wanted}
    return {one: by_name.get(names.get(one, one)) for one in head}
