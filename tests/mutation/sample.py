"""What is mutated, and the seeded draw from it."""

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medusa.tests.mutation.lists import equivalent, key
from medusa.tests.mutation.sites import Module, Mutant

TABLE = Path("tests/mutation/scope.toml")


@dataclass(frozen=True)
class Table:
    """Files to mutate by their room, and the libraries to import first.

    `also` names the folders of tests that judge a folder's files beside the folder of its own.
    """

    rooms: dict[str, list[str]]
    preload: list[str]
    also: dict[str, list[str]]


def read_table(root: Path) -> Table:
    """Read the table of globs; each file belongs to the first room that names it.

    Raises:
        SystemExit: a glob finds nothing.
    """
    content = tomllib.loads((root / TABLE).read_text(encoding="utf-8"))
    left_out = {p for glob in content["leave_out"]["files"] for p in root.glob(glob)}
    rooms: dict[str, list[str]] = {}
    taken: set[Path] = set()
    for room, globs in content["rooms"].items():
        found: set[Path] = set()
        for glob in globs:
            files = set(root.glob(glob))
            if not files:
                raise SystemExit(f"{TABLE}: {glob!r} of {room} is no file; correct the table")
            found |= files
        chosen = sorted(found - left_out - taken)
        rooms[room] = [path.relative_to(root).as_posix() for path in chosen]
        taken |= set(chosen)
    return Table(rooms, content["preload"]["modules"], content.get("also", {}))


def folders_of_tests(root: Path, path: str, also: dict[str, list[str]]) -> list[str]:
    """Return tests/<folder of a file>, or the nearest above it that exists, and those of `also`."""
    folder = Path(path).parent
    others = [name for name in also.get(folder.as_posix(), []) if (root / name).is_dir()]
    while not (root / "tests" / folder).is_dir():
        folder = folder.parent
    return list(dict.fromkeys([(Path("tests") / folder).as_posix(), *others]))


def draw(root: Path, files: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """Draw mutants without replacement; every site of every file is equally likely.

    Mutants that are listed as equivalent are not drawn: no test can notice them.

    Args:
        root: of the repository.
        files: paths from there.
        count: how many; all of them, if there are fewer.
        seed: the same one draws the same sample.

    Returns:
        Mutants, sorted by file and line.
    """
    same = equivalent(root)
    modules = [Module(path, (root / path).read_text(encoding="utf-8")) for path in sorted(files)]
    sites = [(module, number) for module in modules for number in range(len(module.sites))]
    order = random.Random(seed).sample(range(len(sites)), len(sites))
    chosen: dict[int, Mutant] = {}
    for index in order:
        if len(chosen) == count:
            break
        module, number = sites[index]
        mutant = module.mutant(number)
        if key(mutant) not in same:
            chosen[index] = mutant
    return [chosen[index] for index in sorted(chosen)]
