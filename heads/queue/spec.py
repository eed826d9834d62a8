"""What a queue takes and gives: a head to train, and its result."""

from dataclasses import dataclass

from medusa.heads.config import Config


@dataclass(frozen=True)
class HeadSpec:
    """One head to train.

    Attributes:
        title: its name in messages.
        name: the name of its run; `{digest}` (of everything it depends on) is filled in.
        config, backbones, text, drop_missing, also_require: as `prepare` takes them.
        force: train again, replacing the run.
    """

    title: str
    name: str
    config: Config
    backbones: tuple[str, ...] = ()
    text: str | None = None
    drop_missing: bool = False
    also_require: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True)
class HeadResult:
    """The result of a spec.

    Attributes:
        spec: of the head.
        run: the name of its run, empty if it was not trained.
        problem: why it was not trained, empty if it was.
        fresh: whether it was trained now; False if its run had been finished before.
        notes: what the corpus says about itself.
    """

    spec: HeadSpec
    run: str = ""
    problem: str = ""
    fresh: bool = False
    notes: tuple[str, ...] = ()
