"""A trained model is loaded from the folder of its run, or from a bundle."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from medusa.errors import ConfigError, nearest
from medusa.extract.encoders import pick_device
from medusa.heads.runs.run_dir import CONFIG, RunDir, find_run
from medusa.inference.bundle.layout import is_bundle
from medusa.inference.bundle.load import load_bundle
from medusa.inference.from_workspace import parts_of_run
from medusa.inference.model import Model
from medusa.inference.ray_pipeline import RayPipeline
from medusa.workspace import Workspace

TRANSCRIBER = "transcriber"


def load(
    path: str | Path,
    *,
    workspace: str | Path | None = None,
    device: str = "auto",
    checkpoints: Mapping[str, str] | None = None,
    on: str | None = None,
    workers: int = 1,
) -> Model:
    """Load a finished head or ensemble.

    Args:
        path: the folder of a run, `WORKSPACE/runs/NAME`, or of a bundle; or the name of a run in
            `workspace`.
        workspace: the workspace of the run, whose feature stores record the backbones. By default
            it is the folder above `runs/`, or the current folder for a name. For a bundle, it is a
            workspace whose `medusa.yaml` may name weights.
        device: `auto`, which chooses a GPU if there is one, or the name of a device.
        checkpoints: the present places of backbones' weights, by the name of the backbone; for
            weights that have moved since the extraction. `transcriber` is the Whisper model that
            makes the transcripts.
        on: `ray` or `ray://HOST:PORT`, a Ray cluster that predicts; by default this machine does.
        workers: the number of workers of the cluster.

    Returns:
        The model: `load(path).predict(["a.wav"])` is a table. Its backbones are read at the first
        prediction.

    Raises:
        MedusaError: there is no such run, it is not finished, a part of it is missing, or this
            machine has no such device.
    """
    folder = Path(path)
    chosen = pick_device(device)
    if workers < 1 or (workers > 1 and on is None):
        raise ConfigError(f"workers={workers}: expected at least 1, with on=ray")
    if is_bundle(folder):
        is_folder = workspace is not None and Path(workspace).is_dir()  # A bundle needs none.
        known = Workspace.open(Path(workspace or "")).checkpoints if is_folder else {}
        model = load_bundle(folder, chosen, checkpoints or {}, known)
    else:
        is_run = (folder / CONFIG).exists()
        root = Path(workspace) if workspace else folder.resolve().parents[1] if is_run else Path()
        opened = Workspace.open(root)
        run = RunDir(folder) if is_run else find_run(opened.runs, str(path))
        model = Model(parts_of_run(run, opened), chosen, checkpoints)
    _check_names(checkpoints or {}, [one.spec.backbone for one in model.parts.features])
    if on is not None:
        model.pipeline = RayPipeline(model.parts, model.pipeline.places, on, workers)
    return model


def _check_names(checkpoints: Mapping[str, str], backbones: Sequence[str]) -> None:
    """Raise if weights are given for a backbone that the model has not.

    Raises:
        ConfigError: a name is unknown, or has nothing behind it.
    """
    known = [*dict.fromkeys(backbones), TRANSCRIBER]
    for name, path in checkpoints.items():
        if name not in known or not path:
            raise ConfigError(
                f"--set {name}={path}: expected NAME=PATH with one of {', '.join(known)}"
                f"{nearest(name, known)}"
            )


def weights_and_settings(
    overrides: Sequence[str], prefixes: tuple[str, ...] = ("vad_", "on=", "workers=")
) -> tuple[dict[str, str], list[str]]:
    """Divide the values of `--set` into places of weights by name, and settings.

    Args:
        overrides: NAME=VALUE.
        prefixes: the beginnings of settings.
    """
    settings = [one for one in overrides if one.startswith(prefixes)]
    pairs = [one.partition("=") for one in overrides if not one.startswith(prefixes)]
    return {name: value for name, _, value in pairs}, settings
