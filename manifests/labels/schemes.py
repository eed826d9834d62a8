"""A label scheme lists the classes in order, and the words of the raters for each class."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from medusa.errors import ManifestError, listed, nearest
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.labels.published import SCHEMES
from medusa.manifests.labels.votes import consensus, count_votes, one_hot, shares_of
from medusa.manifests.manifest import Manifest, found_in

OTHER = "other"
KEPT_BY = "corpus"  # In a corpus without votes, this rater's votes keep the corpus's own labels.


@dataclass(frozen=True)
class Recoding:
    """A recoding has a label scheme, and the class for each word of a vote."""

    scheme: LabelScheme
    words: dict[str, str]

    def recode(self, votes: "pd.Series[str]") -> "pd.Series[str]":
        """Return the class of each word: `other` for a word outside the scheme, null for null."""
        codes, words = pd.factorize(votes)
        classes = np.array([*(self.words.get(word, OTHER) for word in words), None], dtype=object)
        return pd.Series(classes[codes], index=votes.index, dtype="str")  # The code -1 is null.


@dataclass(frozen=True)
class Rules:
    """The rules by which votes become a soft label.

    Attributes:
        soft: `primary` counts the first choices; `primary+secondary` counts every class that a
            rater named, once each.
        other: `drop` leaves votes outside the scheme out of the soft label; `ninth-class` makes
            them the last class, `other`.
        all_other: an utterance with only votes outside the scheme has no soft label (`drop`), or
            an equal share of every class (`uniform`).
    """

    soft: str = "primary"
    other: str = "drop"
    all_other: str = "drop"


def parse(text: str, name: str = "") -> Recoding:
    """Read a scheme as it is written on the command line.

    Args:
        text: a name in `SCHEMES`, or the classes in order. A class is its name alone, or the words
            that are merged, followed by the name of the class: `angry,sad,happy+excited=happy`.
        name: the name of the scheme; the default is the name in `SCHEMES`, or `custom`.

    Raises:
        ManifestError: a class is empty or comes twice, or a word belongs to two classes.
    """
    known = SCHEMES.get(text)
    name = name or (text if known else "custom")
    parts = [part.strip().lower() for part in (known or text).split(",")]
    words: dict[str, str] = {}
    classes: list[str] = []
    for part in parts:
        merged, _, own = (piece.strip() for piece in part.partition("="))
        own = own or merged
        merged_words = [word.strip() for word in merged.split("+")]
        if not own or not all(merged_words):
            raise ManifestError(f"--classes {text}: {part!r} is not a class; {_form()}")
        twice = [word for word in merged_words if word in words]
        if own in classes or twice:
            raise ManifestError(
                f"--classes {text}: {listed(twice or [own])} comes twice; {_form()}"
            )
        classes.append(own)
        words |= dict.fromkeys(merged_words, own)
    return Recoding(LabelScheme(name, tuple(classes)), words)


def with_other(recoding: Recoding) -> Recoding:
    """Return the scheme with `other` as its last class."""
    if OTHER in recoding.scheme.classes:
        return recoding
    scheme = LabelScheme(recoding.scheme.name, (*recoding.scheme.classes, OTHER))
    return Recoding(scheme, recoding.words | {OTHER: OTHER})


def label_votes(
    votes: pd.DataFrame, ids: "pd.Series[str]", recoding: Recoding, rules: Rules
) -> tuple["pd.Series[str]", pd.DataFrame]:
    """Return the consensus (U,) and the soft labels (U, C) of raw votes under a scheme.

    The consensus is the plurality of the first choices. A tie has no consensus, and neither has an
    utterance where votes outside the scheme win. `Rules` describes the soft labels.

    Args:
        votes: a row per vote with `id`, `primary` and, for `primary+secondary`, `secondary`.
        ids: the utterances (U,).
        recoding: the scheme; for the rule `ninth-class` it must have the class `other`.
        rules: the rules for counting votes.
    """
    classes = recoding.scheme.classes
    first = votes[["id"]].assign(primary=recoding.recode(votes["primary"]))
    counts = count_votes(first, ids, classes)
    named = counts
    if rules.soft == "primary+secondary":
        named = count_votes(_mentions(votes, recoding, first), ids, classes)
    soft = shares_of(named[:, :-1], recoding.scheme)
    if rules.all_other == "uniform":
        only_other = (named[:, :-1].sum(axis=1) == 0) & (named[:, -1] > 0)
        soft.loc[only_other] = np.float32(1 / len(classes))
    return consensus(counts, classes), soft


def relabel(manifest: Manifest, recoding: Recoding, rules: Rules) -> Manifest:
    """Return the manifest under another scheme; no row is dropped.

    The votes of a row are counted again. A row without votes is recoded from its label and soft
    label. A corpus with labels alone keeps each label as a vote, so that the change can be undone.

    Raises:
        ManifestError: the scheme names words that no vote uses.
    """
    if rules.other == "ninth-class":
        recoding = with_other(recoding)
    manifest = _keep_labels(manifest)
    check_words(recoding, _vocabulary(manifest), manifest.scheme.name)
    frame = manifest.frame.drop(columns=["label", *manifest.scheme.columns])
    label, soft = _recoded(manifest, recoding)
    if manifest.votes is not None:
        voted = pd.Series(found_in(frame["id"], manifest.votes["id"]))
        counted = label_votes(manifest.votes, frame["id"], recoding, rules)
        label, soft = label.where(~voted, counted[0]), soft.where(~voted, counted[1])
    frame = pd.concat([frame.assign(label=label), soft], axis=1)
    labels = {"words": recoding.words, **asdict(rules)}
    provenance = manifest.provenance | {"labels": labels}
    return Manifest(frame, recoding.scheme, manifest.votes, manifest.root, provenance)


def check_words(recoding: Recoding, vocabulary: Iterable[str], where: str) -> None:
    """Raise if no vote uses a word of the scheme; a scheme in `SCHEMES` may have such words.

    Raises:
        ManifestError: the message has the unused words, the nearest words, and all used words.
    """
    used = set(vocabulary)
    known = recoding.scheme.name in SCHEMES
    strange = [word for word in recoding.words if word not in used and word != OTHER]
    if known and len(strange) < len(recoding.words):
        return
    if strange:
        wrong = listed(f"{word!r}{nearest(word, used)}" for word in strange)
        present = listed(sorted(word for word in used if not word.startswith("other-")), 30)
        raise ManifestError(f"no vote in {where} uses {wrong}; the words are {present}")


def _mentions(votes: pd.DataFrame, recoding: Recoding, first: pd.DataFrame) -> pd.DataFrame:
    """Return a row per vote and class that the vote names as its first or second choice."""
    second = votes[["id", "secondary"]].explode("secondary").dropna(subset="secondary")
    second = second.assign(primary=recoding.recode(second["secondary"].astype("str")))
    named = pd.concat([first, second[["id", "primary"]]]).dropna(subset="primary")
    named["vote"] = named.index
    return named.drop_duplicates(["vote", "primary"])


def _keep_labels(manifest: Manifest) -> Manifest:
    """Give a manifest that has labels and no votes one vote per label."""
    label = manifest.frame["label"]
    if manifest.votes is not None or not _is_hard(manifest):
        return manifest
    kept = manifest.frame[label.notna()]
    votes = pd.DataFrame({"id": kept["id"], "rater": KEPT_BY, "primary": kept["label"]})
    votes = votes.assign(secondary=None, arousal=np.nan, valence=np.nan, dominance=np.nan)
    votes = votes.reset_index(drop=True)
    return Manifest(manifest.frame, manifest.scheme, votes, manifest.root, manifest.provenance)


def _is_hard(manifest: Manifest) -> bool:
    """Return whether every soft label is a one-hot copy of the label."""
    label = manifest.frame["label"]
    hard = one_hot(label.where(label.isin(manifest.scheme.classes)), manifest.scheme)
    return bool(np.array_equal(hard.to_numpy(), manifest.soft(), equal_nan=True))


def _vocabulary(manifest: Manifest) -> set[str]:
    """Return all words of the votes, and all labels of rows without votes."""
    votes = manifest.votes
    if votes is None:
        return {*manifest.scheme.classes}
    unvoted = ~found_in(manifest.frame["id"], votes["id"])
    words = {*manifest.frame["label"][unvoted].dropna().unique()}
    words |= {*votes["primary"].dropna().unique()}
    return words | {*votes["secondary"].explode().dropna().unique()}


def _recoded(manifest: Manifest, recoding: Recoding) -> tuple["pd.Series[str]", pd.DataFrame]:
    """Return the labels and the soft labels, recoded from the present ones without votes."""
    classes = recoding.scheme.classes
    label = recoding.recode(manifest.frame["label"])
    label = label.where(label.isin(classes))
    old = np.nan_to_num(manifest.soft().astype(np.float64))
    mass = np.zeros((len(manifest), len(classes)))
    for column, name in enumerate(manifest.scheme.classes):
        meant = recoding.words.get(name, OTHER)
        if meant in classes:
            mass[:, classes.index(meant)] += old[:, column]
    return label.astype("str"), shares_of(mass, recoding.scheme)


def _form() -> str:
    return f"write angry,sad,happy+excited=happy, or one of {', '.join(SCHEMES)}"
