"""One head to train, and the result of its training."""

from dataclasses import dataclass
from pathlib import Path

from medusa.heads.config import Config


@dataclass(frozen=True)
class HeadSpec:
    """One head to train.

    Attributes:
        name: the name of its run in `runs/`.
        config: the settings of the network and of its training.
        features: the features that it reads, as `medusa fit-head --backbones` takes them. By
            default it reads all features.
        text: the source of the texts that text features were made from.
        drop_missing: whether utterances that lack features are left out instead of refused.
        also_require: further features that no utterance may lack. Heads that are to be combined
            must predict the same utterances.
        named_by_content: whether the name of the run ends with a digest of everything the head
            depends on. A finished run with this digest is used, whatever its name begins with.
        force: whether a finished run is replaced.
        manifest: a manifest that is read instead of the workspace's, such as that of one fold.
    """

    name: str
    config: Config
    features: tuple[str, ...] = ()
    text: str | None = None
    drop_missing: bool = False
    also_require: tuple[str, ...] = ()
    named_by_content: bool = False
    force: bool = False
    manifest: Path | None = None


@dataclass(frozen=True)
class HeadResult:
    """The result of a spec.

    Attributes:
        spec: the head.
        run: the name of its run in `runs/`, empty if the head was not trained.
        problem: the reason why it was not trained, empty if it was.
        fresh: whether it was trained now. False if its run was finished before.
        notes: remarks about the corpus and its splits, which belong to every score.
    """

    spec: HeadSpec
    run: str = ""
    problem: str = ""
    fresh: bool = False
    notes: tuple[str, ...] = ()
