"""Train the heads of a recipe."""

from collections.abc import Callable, Sequence

from medusa.console import say
from medusa.errors import MedusaError
from medusa.heads.fitting.check_choices import check_choices
from medusa.heads.queue.fit_heads import fit_heads
from medusa.heads.spec import HeadResult
from medusa.recipes.options import RecipeOptions
from medusa.recipes.tasks import HeadTask, head_spec
from medusa.workspace import Workspace


def check_heads(tasks: Sequence[HeadTask]) -> None:
    """Check every head's choices before anything is extracted or trained.

    Raises:
        MedusaError: some heads name a choice that does not exist; all are listed.
    """
    problems = []
    for task in tasks:
        try:
            check_choices(task.config)
        except MedusaError as problem:
            problems.append(f"{task.name}: {problem}")
    if problems:
        raise MedusaError("\n  ".join(["nothing was trained:", *problems]))


def train_heads(
    workspace: Workspace,
    name: str,
    tasks: Sequence[HeadTask],
    options: RecipeOptions,
    required: tuple[str, ...],
) -> dict[str, tuple[str, str]]:
    """Train the heads that have no finished run, `jobs` of them at the same time.

    Args:
        workspace: with manifest and features.
        name: the beginning of the names of the runs.
        tasks: the heads.
        options: the source of the texts, whether utterances may lack features, the devices and
            the jobs.
        required: features that no utterance may lack.

    Returns:
        head -> its run, or an empty name and the reason why it was not trained.
    """
    specs = [head_spec(task, name, options, required) for task in tasks]
    results = fit_heads(
        workspace, specs, devices=options.device, jobs=options.jobs, on_result=report_problem
    )
    found = [(result.run, result.problem) for result in results]
    return dict(zip([task.name for task in tasks], found, strict=True))


def report_each_problem() -> Callable[[HeadResult], None]:
    """Return a function that reports a problem once, though many heads may have it."""
    seen = set[str]()

    def report(result: HeadResult) -> None:
        if result.problem not in seen:
            report_problem(result)
        seen.add(result.problem)

    return report


def report_problem(result: HeadResult) -> None:
    """Report the problem of a head that was not trained."""
    if result.problem:
        say(f"{result.spec.name}: {result.problem}")
