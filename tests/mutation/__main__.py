"""Mutate the code, one line at a time, and ask whether the tests notice.

`python -P -m medusa.tests.mutation` draws a sample of mutants and judges each by the tests of its
own room; `--known` instead applies the mutations listed in known.toml.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from medusa.tests.mutation.coverage_map import measure
from medusa.tests.mutation.forks import preload, trees
from medusa.tests.mutation.judge import Verdict, judge
from medusa.tests.mutation.lists import key, read_known, reasons, unnoticed
from medusa.tests.mutation.sample import draw, folders_of_tests, read_table
from medusa.tests.mutation.testing import SPARE_S

ROOT = Path(__file__).resolve().parents[2]


def options(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=0, help="the same seed, the same sample")
    parser.add_argument("--rooms", default="", help="of the table, with commas; all by default")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--at-least", type=float, default=90, help="percent that must be killed")
    parser.add_argument("--spare", type=float, default=SPARE_S, help="seconds more for each test")
    parser.add_argument("--known", action="store_true", help="apply what known.toml lists")
    parser.add_argument("--list", action="store_true", help="show the sample and run nothing")
    parser.add_argument("--root", type=Path, default=ROOT, help="of another repository")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; the status is 1 where tests notice too little."""
    given = options(words)
    return run_known(given) if given.known else run_sample(given)


def run_known(given: argparse.Namespace) -> int:
    """Apply each known mutation; all of its tests must fail."""
    known = read_known(given.root)
    preload(read_table(given.root).preload)
    with trees(given.root, given.jobs) as copies:
        missed = list(unnoticed(given.root, known, copies))
    print(f"{len(known)} known mutations", *missed, sep="\n  ")
    return int(bool(missed))


def run_sample(given: argparse.Namespace) -> int:
    """Draw mutants, judge them and report."""
    root, table = given.root, read_table(given.root)
    rooms = given.rooms.split(",") if given.rooms else list(table.rooms)
    if odd := set(rooms) - set(table.rooms):
        raise SystemExit(f"--rooms: {', '.join(sorted(odd))}; there are {', '.join(table.rooms)}")
    files = [path for room in rooms for path in table.rooms[room]]
    mutants = draw(root, files, given.count, given.seed)
    if given.list:
        for one in mutants:
            print(f"{one.path}:{one.line}\n  - {one.old}\n  + {one.new}")
        return 0
    preload(table.preload)
    folders = {one.path: folders_of_tests(root, one.path, table.also) for one in mutants}
    began, verdicts = time.monotonic(), []
    with trees(root, given.jobs) as copies:
        found = measure(
            root, sorted({name for names in folders.values() for name in names}), copies
        )
        broken = sorted({one for room in found.values() for each in room for one in each.broken})
        print(f"{len(broken)} tests fail or are skipped without a mutation", flush=True)
        covered = {
            path: [each for name in names for each in found[name]]
            for path, names in folders.items()
        }
        measured = time.monotonic()
        for verdict in judge(mutants, covered, copies, given.spare):
            one = verdict.mutant
            print(f"{verdict.fate:10}{verdict.seconds:6.1f} s  {one.path}:{one.line}", flush=True)
            verdicts.append(verdict)
    spent = time.monotonic() - measured
    print(f"measured in {measured - began:.0f} s, judged in {spent:.0f} s")
    return report(root, verdicts, given.at_least)


def report(root: Path, verdicts: Sequence[Verdict], at_least: float) -> int:
    """Print the survivors, with the reasons that are listed, and the share killed."""
    why = reasons(root)
    survivors = [one for one in verdicts if not one.killed]
    for verdict in sorted(survivors, key=lambda one: (one.mutant.path, one.mutant.line)):
        one = verdict.mutant
        print(f"\n{one.path}:{one.line} {verdict.fate} ({verdict.tests} tests)")
        print(f"  - {one.old}\n  + {one.new}\n  why: {why.get(key(one), 'no reason is listed')}")
    share = 100 * (1 - len(survivors) / max(1, len(verdicts)))
    listed = sum(key(one.mutant) in why for one in survivors)
    print(
        f"\nkilled {len(verdicts) - len(survivors)} of {len(verdicts)} mutants: {share:.1f} % "
        f"(at least {at_least:g} %); {listed} of the {len(survivors)} survivors have a reason"
    )
    return int(share < at_least)


if __name__ == "__main__":
    sys.exit(main())
