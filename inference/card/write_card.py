"""Write the checklist of reproducibility of a run."""

from pathlib import Path

from medusa.atomic import write_text
from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import find_run
from medusa.inference.card.card_facts import card_facts
from medusa.inference.card.card_text import card_text
from medusa.workspace import Workspace


def write_card(
    workspace: Workspace, run: str, output: Path | None = None, *, split: str = "test"
) -> Path:
    """Write the checklist of reproducibility of a finished run as Markdown; return its path.

    The checklist has the data, the splits, the features, the settings, the number of trials, the
    hardware, the versions and the scores, as far as they were recorded. A fact that was not
    recorded has an open box.

    Args:
        workspace: the folder with the run, its manifest and its feature stores.
        run: the name of the run.
        output: the file; by default `RUN-card.md` in the workspace.
        split: the split on which it is judged.

    Raises:
        RunError: the run or a member is not finished or was replaced, or the split has no
            predictions or no labels.
        MedusaError: the file cannot be written.
    """
    finished = find_run(workspace.runs, run)
    output = output or workspace.root / f"{finished.name}-card.md"
    if not output.parent.is_dir():
        raise MedusaError(f"{output.parent}: no such folder; make it, or choose another -o")
    write_text(output, card_text(card_facts(finished, workspace, split)))
    return output
