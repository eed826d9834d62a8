"""The options of a recipe's run that are not part of the recipe, and the result of the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medusa.reports.tables.result_table import ResultTable


@dataclass(frozen=True)
class RecipeOptions:
    """How a recipe is changed, and how it is run.

    Attributes:
        settings: changes: `key=value` for all heads, `heads.NAME.key=value` for one head or
            `stacks.NAME.key=value` for one ensemble.
        tiny: use the recipe's small profile; an empty workspace gets the synthetic corpus.
        repeats: train everything so many times, from other seeds; by default as in the recipe.
        stacks: fit the ensembles; otherwise only the heads and ablations are trained.
        only: a pattern that the names of the tasks must fit, such as `m0*`.
        text: the source of the texts, `manifest` or a transcripts table.
        missing: `error`, or `drop`: all heads leave out utterances that lack any feature.
        device: `auto`, `cpu`, `cuda`, several such as `cuda:0,cuda:1`, or a Ray cluster (`ray`,
            `ray://HOST:PORT`).
        jobs: the number of heads that are trained at the same time, or of the cluster's workers.
    """

    settings: tuple[str, ...] = ()
    tiny: bool = False
    repeats: int | None = None
    stacks: bool = True
    only: str | None = None
    text: str | None = None
    missing: str = "error"
    device: str = "auto"
    jobs: int = 1


@dataclass(frozen=True)
class RecipeResult:
    """The result of a recipe's run.

    Attributes:
        folder: the folder of its tables and its report.
        runs, stacks: task -> its run, of the heads and of the ensembles that are up to date.
        tables: our results next to the published ones.
        problems: task -> the reason why it failed.
        fresh: False if everything was up to date, so that nothing was done.
    """

    folder: Path
    runs: Mapping[str, str]
    stacks: Mapping[str, str]
    tables: Sequence[ResultTable]
    problems: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = True
