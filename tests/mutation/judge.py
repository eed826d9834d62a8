"""Judging mutants: which tests each is shown to, and what became of it."""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medusa.tests.mutation.coverage_map import Covered
from medusa.tests.mutation.forks import Task, Tree, run_all
from medusa.tests.mutation.sites import Mutant
from medusa.tests.mutation.testing import NO_TESTS, Chosen

FURTHER_S = 60.0  # of tests that may see what an import does
USAGE = (4, 70)  # statuses that say nothing of the mutant


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: survived, killed, timeout or uncovered; and after how long."""

    mutant: Mutant
    fate: str
    seconds: float = 0.0
    tests: int = 0

    @property
    def killed(self) -> bool:
        return self.fate in ("killed", "timeout")


def tests_for(mutant: Mutant, covered: Sequence[Covered]) -> dict[str, float]:
    """Return the seconds of the tests that execute what is mutated, fastest first.

    For what an import executes: the tests that use the module, then those of the files that
    import it, of a minute in all.
    """
    scope, seconds = mutant.scope, dict[str, float]()
    for one in covered:
        names = one.tests(mutant.path, scope.first, scope.last)
        seconds |= {name: one.seconds[name] for name in names if name}
        if mutant.path in one.lines and (not scope.inside or names == {""}):
            seconds |= _within(one, mutant.path)
    chosen = sorted(seconds, key=lambda name: (seconds[name], name))
    return {name: seconds[name] for name in chosen}


def _within(covered: Covered, path: str) -> dict[str, float]:
    """Return the fastest tests of a file that imports a module, those that use it first."""
    users = {one for tests in covered.lines[path].values() for one in tests}
    order = sorted(covered.seconds, key=lambda name: (name not in users, covered.seconds[name]))
    spent, chosen = 0.0, {}
    for name in order:
        spent += covered.seconds[name]
        if spent < FURTHER_S:
            chosen[name] = covered.seconds[name]
    return chosen


def judge(
    mutants: Sequence[Mutant],
    covered: dict[str, list[Covered]],
    trees: Sequence[Tree],
    spare_s: float,
) -> Iterator[Verdict]:
    """Show each mutant to its tests.

    Args:
        mutants: of any files.
        covered: by the path of the mutated file, what the files of tests of its room execute.
        trees: copies to work in, one for each process.
        spare_s: what each test is given, besides five times its seconds.

    Raises:
        SystemExit: tests could not be run, for a reason that is not the mutant's.
    """
    tasks = []
    for number, mutant in enumerate(mutants):
        seconds = tests_for(mutant, covered[mutant.path])
        if seconds:
            tasks.append(Task(number, Chosen(seconds, spare_s=spare_s), {mutant.path: mutant.code}))
        else:
            yield Verdict(mutant, "uncovered")
    for end in run_all(tasks, trees):
        mutant = mutants[end.task.number]
        if end.status in (*USAGE, NO_TESTS):
            raise SystemExit(f"{mutant.path}:{mutant.line}: no tests were run\n{end.output}")
        work = end.task.work
        assert isinstance(work, Chosen)
        yield Verdict(mutant, fate(end.status), end.seconds, len(work.seconds))


def fate(status: int) -> str:
    """Name what a status of pytest, or minus a signal, says of a mutant."""
    if status == 0:
        return "survived"
    return "timeout" if status == -signal.SIGALRM else "killed"
