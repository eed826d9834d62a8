"""The command `medusa extract`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.options import (
    device_option,
    force_option,
    json_option,
    only_splits,
    set_option,
    settings_of,
    text_option,
)

if TYPE_CHECKING:
    from medusa.extract.extract_features import ExtractionResult

SPEEDS = ("x_real_time", "share_of_peak", "busy_share")
EXTRACTED = ("store", "utterances", "hours", *SPEEDS, "stored_mb", "flags")
FURTHER = """dtype=float16|float32|int8, average_frames=1|2|4 (2 and 4 save bytes and
training time, and cost little recall; int8 saves bytes only), precision=auto|fp32|bf16|fp16,
non_finite=refuse|clamp, compile=true, like=medusa-published, piece_s=S, overlap_s=S, window_s=S
(Whisper's; for clips of up to 12 s, 12 takes a third of the time of 30, and costs little recall),
batch_seconds=S, language=CODE, revision=COMMIT, on=ray, workers=N; docs/extraction.md explains
each."""


@click.command()
@click.option(
    "--backbone",
    "names",
    required=True,
    multiple=True,
    metavar="NAME[,NAME...]",
    help="logmel, wavlm, hubert, whisper, roberta, modernbert, ...; or auto, with --checkpoint, "
    "for any Hugging Face speech or text encoder. For several backbones, give a list or repeat the "
    "option: each file is decoded once for all speech encoders.",
)
@click.option(
    "--checkpoint",
    metavar="PATH_OR_ID",
    help="A folder, a file or a hub id, in place of the backbone's usual checkpoint.",
)
@click.option(
    "--as",
    "label",
    metavar="LABEL",
    help="Another name for this backbone (fit-head --backbones LABEL).  [default: its name]",
)
@click.option(
    "--layers",
    metavar="LAYERS",
    help="20, 20-24, -1, last, last4, middle, all, or a comma list; 0 is the input of the first "
    "layer, and middle is three layers around half the depth.  [default: last4; whisper: middle]",
)
@click.option(
    "--reduce",
    type=click.Choice(["none", "sum", "mean"]),
    default="sum",
    show_default=True,
    help="The reduction of several layers to one; none keeps them apart.",
)
@click.option(
    "--transcribe",
    is_flag=True,
    help="For whisper: the same pass through its encoder also fills transcripts/MODEL.parquet, "
    "like `medusa transcribe`.",
)
@device_option(
    "auto (cuda if there is a GPU, else cpu), cpu, cuda, mps. Several devices (cuda:0,cuda:1) "
    "start one process each, with a part of the utterances.",
    metavar="NAME[,NAME...]",
)
@click.option(
    "--shard",
    metavar="I/N",
    help="Share I (from 0) of N: N processes on one disk share the work.  [default: the task of a "
    "Slurm array, else all]",
)
@text_option(
    "The texts that text backbones read: manifest, or the name of a table of transcripts.  "
    "[default: the only table if there is exactly one, else manifest]"
)
@only_splits
@set_option(FURTHER)
@force_option("Remove the stored features and compute them again.")
@json_option()
@click.pass_obj
def extract(
    root: Path,
    /,
    names: tuple[str, ...],
    splits: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
    shard: str | None,
    **choices: Any,
) -> None:
    """Compute the features of a frozen backbone for every utterance, once.

    Stored features are not computed again: an interrupted run continues where it stopped.
    """
    from medusa.workspace import Workspace

    workspace = Workspace.open(root)
    workspace.require_manifest()
    from medusa.console import say, show_rows

    say(f"{', '.join(names)}: loading the libraries")  # This takes seconds.
    from medusa.extract.extract_features import extract_features
    from medusa.extract.extraction_options import ExtractionOptions, FurtherOptions
    from medusa.extract.passes.worker import raise_failures
    from medusa.strict import parts_of

    further = settings_of(FurtherOptions, overrides)
    options = ExtractionOptions(
        **choices, **further, splits=parts_of(splits or ""), shard=shard or _task()
    )
    wanted = parts_of(",".join(names))
    results = extract_features(workspace, wanted, options, allow_failures=True)
    rows = [_row(one) for one in results if one.outcome.elapsed_s or as_json]
    show_rows(rows, EXTRACTED, as_json)
    raise_failures("features", [problem for result in results for problem in result.problems])


def _task() -> str | None:
    """Return the share of this task of a Slurm array, with a message, or None."""
    from medusa.console import say
    from medusa.distributed.slurm import share_of_task

    share = share_of_task()
    if share is None:
        return None
    say(f"Slurm array: share {share.number}/{share.count}; --shard 0/1 extracts everything")
    return f"{share.number}/{share.count}"


def _row(result: "ExtractionResult") -> dict[str, Any]:
    """Return one backbone's result, with the size and the flags of its store, as JSON values."""
    from medusa.cache import FeatureStore

    job, outcome = result.job, result.outcome
    store = FeatureStore.open(job.store)
    is_audio = job.spec.input == "audio"
    return {
        "backbone": job.backbone.name,
        "store": job.store.name,
        "utterances": outcome.utterances,
        "hours": outcome.seconds / 3600 if is_audio else None,
        "frames": outcome.frames,
        "seconds": outcome.elapsed_s,
        "x_real_time": outcome.speed if is_audio else None,
        "share_of_peak": outcome.share_of_peak,
        "busy_share": outcome.timer.seconds / outcome.elapsed_s if outcome.elapsed_s else None,
        "stored_mb": store.size_bytes() / 1e6,
        "flags": store.index.flags(),
        "failed": len(result.problems),
    }
