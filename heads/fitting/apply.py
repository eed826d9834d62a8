"""A trained head on other utterances: it is rebuilt from its run and reads another workspace."""

import torch

from medusa.heads.fitting.apply_inputs import gather_inputs
from medusa.heads.fitting.predictions import predict_all
from medusa.heads.fitting.stored_head import StoredHead
from medusa.heads.networks.head import device_of
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.scoring import Predictions
from medusa.workspace import Workspace

CPU = torch.device("cpu")


def apply(
    run: RunDir,
    manifest: Manifest,
    workspace: Workspace,
    text: str | None = None,
    device: torch.device = CPU,
    drop_missing: bool = False,
) -> Predictions:
    """Predict utterances with a finished head, whatever classes their manifest has.

    Args:
        run: a finished run of kind `head`.
        manifest: the utterances; labels are not read.
        workspace: where their features and transcripts are.
        text: the source of the texts (`texts_of`). By default it is the source of the head's
            training, and where that does not exist, the only source there is.
        device: where to compute.
        drop_missing: leave out utterances without features instead of refusing them.

    Returns:
        The head's logits, and attributes if it learnt any; `split` is the manifest's.

    Raises:
        RunError: the run is not finished.
        DataError: the workspace lacks features of the head's specification, as a whole or for
            some utterances.
    """
    learnt_attributes = run.predictions().attributes() is not None
    stored = StoredHead.read(run)
    examples = gather_inputs(stored, manifest, workspace, text, drop_missing)
    head = stored.build(examples.widths, examples.layers, device)
    device = device_of(stored.head, device)
    return predict_all(head, examples, run, device, learnt_attributes, stored.table_batch)
