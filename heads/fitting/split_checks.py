"""Which splits of a corpus mean nothing, and which make scores less trustworthy."""

from medusa.errors import DataError, listed, plural
from medusa.heads.examples.join import Examples
from medusa.manifests import Manifest
from medusa.manifests.splits.same_recording import shared_notes
from medusa.scoring import NO_CONSENSUS


def check_splits(examples: Examples) -> None:
    """Refuse splits on which training or selection could not mean anything.

    Raises:
        DataError: a split has no consensus label, a class has no example in train, or dev has
            fewer than two classes.
    """
    for split in ("train", "dev"):
        if not (examples.labels[examples.rows(split)] != NO_CONSENSUS).any():
            raise DataError(
                f"no utterance of split {split!r} has a consensus label; "
                "see `medusa manifest audit`"
            )
    if never := _absent(examples, "train"):
        raise DataError(
            f"no utterance of split 'train' is {listed(never)}, so no head can learn it; divide "
            "the corpus again (`medusa manifest split random --force`) or leave the class out "
            "(`medusa manifest relabel`)"
        )
    if len(present := classes_of(examples, "dev")) < 2:
        raise DataError(
            f"all labelled utterances of split 'dev' are {present[0]!r}, so it cannot select "
            "anything; divide the corpus again (`medusa manifest split random --force`)"
        )


def classes_of(examples: Examples, split: str) -> list[str]:
    """Return the classes that the labels of a split have; soft labels count in train."""
    rows = examples.rows(split)
    numbers = set(examples.labels[rows].tolist())
    if split == "train":
        numbers |= set(examples.soft[rows].nansum(0).nonzero().flatten().tolist())
    return [name for number, name in enumerate(examples.classes) if number in numbers]


def split_warnings(examples: Examples, manifest: Manifest) -> list[str]:
    """Return a sentence for every property of the splits that makes scores less trustworthy.

    Args:
        examples: the joined utterances.
        manifest: their manifest, in which rows of one recording have one `content`.
    """
    warnings = []
    if absent := _absent(examples, "dev"):
        warnings.append(
            f"Split dev has no utterance of {listed(absent)}: heads were selected without it."
        )
    rows = manifest.frame[["speaker", "split"]].dropna()
    train = set(rows["speaker"][rows["split"] == "train"])
    for split in ("dev", "test"):
        if shared := train & set(rows["speaker"][rows["split"] == split]):
            warnings.append(
                f"{plural(len(shared), f'speaker of {split} is')} also in train: expect better "
                "scores than on new speakers."
            )
    return warnings + shared_notes(manifest)


def _absent(examples: Examples, split: str) -> list[str]:
    present = classes_of(examples, split)
    return [name for name in examples.classes if name not in present]
