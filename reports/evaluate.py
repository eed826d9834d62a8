"""The scores of a finished run, on its own corpus or on the corpus of another workspace."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from medusa.errors import ConfigError
from medusa.heads.runs.run_dir import find_run
from medusa.manifests import Manifest
from medusa.reports.judged_run import judge_run
from medusa.reports.slices import run_slices
from medusa.reports.utterances.split_rows import split_rows
from medusa.workspace import Workspace


class Evaluation(TypedDict):
    """The scores of a run, as `medusa evaluate --json` prints them.

    Every score of `scoring.SCORES` is a key; a score that is added there is one, too.

    Attributes:
        run, kind, split: the name of the run, `head` or `stack`, and the split.
        classes: the names of the C classes.
        n: the number of labelled utterances.
        unlabelled, unpredicted: the utterances without a consensus label, which the class scores
            leave out, and those without a prediction.
        blocks: the number of speakers, or None if the bootstrap draws utterances.
        macro_f1, uar, accuracy: scores of the split. UAR is the mean recall.
        balanced: the mean macro-F1 over 100 class-balanced draws.
        interval: the 95 % interval of every score.
        baselines: `chance` and `majority` for every score.
        chance, majority: the macro-F1 of guessing with the class shares of the training split, and
            of always predicting `majority_class`.
        majority_class: the most frequent class of the training split.
        per_class: precision, recall, f1, support and interval (of f1) of every class.
        confusion: (C, C) counts, with the truth in rows.
        attributes: ccc, mse, n and interval of every attribute that is known and predicted.
        calibration: ece, brier, nll and top_2, each with value and interval; the bins of the
            reliability diagram; and `temperature`, the effect of a temperature fitted on dev, or
            None with another workspace.
        distributions: the measures between the posteriors and the raters' shares, or None if no
            utterance has raters who differ.
        human_agreement: the agreement of the run with raters, and of raters with each other, or
            None if no utterance has three raters.
        slices: the macro-F1 of groups of utterances, and the gaps between groups of speakers; see
            `scoring.slices`. It is None with another workspace.
        notes: sentences that a reader must know before believing the numbers.
        on, map, dropped: only with another workspace: its folder; the class there that each class
            of the run means, or None; and the number of rows of each class without a counterpart.
    """

    run: str
    kind: str
    split: str
    classes: list[str]
    n: int
    unlabelled: int
    unpredicted: int
    blocks: int | None
    macro_f1: float
    balanced: float
    uar: float
    accuracy: float
    interval: dict[str, list[float]]
    baselines: dict[str, dict[str, float]]
    chance: float
    majority: float
    majority_class: str
    per_class: dict[str, dict[str, Any]]
    confusion: list[list[int]]
    attributes: dict[str, dict[str, Any]]
    calibration: dict[str, Any]
    distributions: dict[str, Any] | None
    human_agreement: dict[str, Any] | None
    slices: dict[str, Any] | None
    notes: list[str]
    on: NotRequired[str]
    map: NotRequired[dict[str, str | None]]
    dropped: NotRequired[dict[str, int]]


def evaluate(
    workspace: Workspace,
    run: str,
    *,
    split: str = "test",
    on: Workspace | None = None,
    class_map: str | Mapping[str, str | None] = "",
    text: str | None = None,
    missing: str = "error",
    device: str = "auto",
    output: Path | None = None,
    with_snr: bool = False,
) -> Evaluation:
    """Judge a finished head or stack by the consensus labels and attributes of a manifest.

    Args:
        workspace: the folder with the run and the manifest on which it was trained.
        run: the name of the run.
        split: the split to judge on. With `on`, `all` judges every row.
        on: another workspace. The run predicts its corpus, and is judged by the labels there. It
            needs the features that the heads read.
        class_map: with `on`, the class there that each class of the run means, or None if it means
            none; as a dictionary or as `HEAD=CLASS,...`. By default both have the same name.
        text: with `on`, the source of the texts, `manifest` or a transcripts table. By default it
            is the source of the training, if there is one.
        missing: with `on`, `error`, or `drop`: leave out utterances that lack features.
        device: with `on`, the device that predicts: `auto`, `cpu`, `cuda`, ...
        output: with `on`, a Parquet file for the predictions, in the classes of the run.
        with_snr: without `on`: judge groups by signal-to-noise ratio, too; this reads every
            recording.

    Raises:
        ConfigError: an argument that needs `on` is given without it, or the folder of `output` does
            not exist.
        RunError: the run does not exist, is not finished or does not predict the split, or no row
            of the split has a label.
        ManifestError, DataError: the run and the other corpus do not fit together.
    """
    if not isinstance(class_map, str):
        class_map = ",".join(f"{name}={other or ''}" for name, other in class_map.items())
    away = {
        "--map": class_map,
        "--text": text,
        "--missing": missing != "error",
        "--device": device != "auto",
        "--output": output,
    }
    lone = [name for name, value in away.items() if value]
    if on is None and lone:
        raise ConfigError(f"{', '.join(lone)}: only with --on WORKSPACE")
    if on is not None and with_snr:
        raise ConfigError("--snr: only without --on; the other workspace has no slices")
    finished, manifest = find_run(workspace.runs, run), Manifest.read(workspace.manifest)
    if on is None:
        result = judge_run(finished, manifest, split)
        rows = split_rows(finished, manifest, split, workspace.transcripts)
        return cast(Evaluation, result | {"slices": run_slices(rows, with_snr)})
    from medusa.device import choose_device
    from medusa.reports.transfer import transfer

    if output and not output.parent.is_dir():
        raise ConfigError(f"--output {output}: there is no folder {output.parent}; make it")
    torch_device, drop = choose_device(device)[0], missing == "drop"
    result, predictions = transfer(
        finished, manifest, on, split, class_map, text, torch_device, drop
    )
    if output:
        predictions.write(output)
    return cast(Evaluation, result | {"slices": None})
