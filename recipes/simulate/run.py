"""Fill a workspace with a simulated corpus and compute the best possible scores on it."""

from pathlib import Path
from typing import Any

from medusa.console import say
from medusa.recipes.simulate import draw, world
from medusa.recipes.simulate.claim import FACTS, check, claim, drawing
from medusa.recipes.simulate.facts import ceilings_of, likelihoods, sizes
from medusa.recipes.simulate.fill import fill
from medusa.recipes.simulate.store import spec_of
from medusa.seal import write_sealed_json
from medusa.workspace import Workspace

CEILING = "ceiling.parquet"


def simulate(
    workspace: Workspace,
    count: int,
    width: int,
    seed: int,
    people: int | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Draw the corpus, write manifest and features, and the ceiling beside them.

    Args:
        workspace: an empty workspace, or one in which the same simulation was begun.
        count: the number of utterances, at least 200.
        width: the width of the features, at least 8.
        seed: the same seed gives the same corpus.
        people: the number of speakers, at least 12; by default one for 25 utterances.
        force: remove the simulation in this workspace first.

    Returns:
        The contents of `simulation.json`.

    Raises:
        MedusaError: the workspace holds something else, or the numbers are too small.
    """
    people = draw.people_of(count) if people is None else people
    check(count, width, people)
    request = {"utterances": count, "speakers": people, "width": width, "seed": seed}
    request["edition"] = world.EDITION
    with drawing(workspace):
        return _draw(workspace, request, force)


def _draw(workspace: Workspace, request: dict[str, int], force: bool) -> dict[str, Any]:
    """Draw the simulation that was asked for, unless it is complete."""
    finished = claim(workspace, request, force)
    if finished:
        say(f"{workspace.root}: the simulation is complete; nothing to do (--force draws it again)")
        return finished
    seed = request["seed"]
    drawn = draw.corpus(request["utterances"], seed, request["speakers"])
    drawn.manifest.write(workspace.manifest)
    logits, predictions = fill(
        workspace, drawn, {name: spec_of(name, request) for name in world.STREAMS}, seed
    )
    facts = {"asked": request, "note": draw.NOTE, "sizes": sizes(drawn.manifest)}
    facts |= ceilings_of(drawn.manifest, predictions)
    likelihoods(drawn.manifest, logits).write(workspace.root / CEILING)
    write_sealed_json(workspace.root / FACTS, facts)
    return facts


def folder(root: Path) -> Workspace:
    """Return the workspace, making its folder."""
    root.mkdir(parents=True, exist_ok=True)
    return Workspace.open(root)
