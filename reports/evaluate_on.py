"""Judge a run on the corpus of another workspace, and keep the predictions where asked."""

from pathlib import Path
from typing import Any

from medusa.device import choose_device
from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.reports.transfer import transfer
from medusa.workspace import Workspace


def evaluate_on(
    run: RunDir,
    trained_on: Manifest,
    workspace: Path,
    split: str,
    mapping: str,
    text: str | None,
    drop_missing: bool,
    device: str,
    output: Path | None,
) -> dict[str, Any]:
    """Return the scores of `transfer`; write the predictions to `output` if it is given.

    Args:
        run: a finished head or stack.
        trained_on: the manifest on which the run was trained.
        workspace: the folder of the other corpus.
        split, mapping, text, drop_missing: see `transfer`.
        device: a name, such as `auto` or `cpu`.
        output: a Parquet file for the predictions.

    Raises:
        MedusaError: the folder of `output` does not exist, or whatever `transfer` refuses.
    """
    if output and not output.parent.is_dir():
        raise MedusaError(f"--output {output}: there is no folder {output.parent}; make it")
    target, chosen = Workspace.open(workspace), choose_device(device)[0]
    result, predictions = transfer(
        run, trained_on, target, split, mapping, text, chosen, drop_missing
    )
    if output:
        predictions.write(output)
    return result
