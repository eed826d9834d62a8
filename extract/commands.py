"""`medusa extract`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.errors import ConfigError
from medusa.extract.options import batch_seconds, only_splits, refuse, show
from medusa.options import device_option, force_option, json_option, text_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from medusa.extract.passes.single_pass import Outcome
    from medusa.extract.planning import ExtractionJob
    from medusa.workspace import Workspace

    Fill = Callable[[ExtractionJob, str, float | None, str], Outcome]

EXTRACTED = ("store", "utterances", "hours", "x_real_time", "busy_share", "stored_mb", "flags")


@click.command()
@click.option(
    "--backbone",
    "names",
    required=True,
    multiple=True,
    metavar="NAME[,NAME...]",
    help="logmel, wavlm, hubert, whisper, roberta, modernbert, ...; or auto, with --checkpoint, "
    "for any Hugging Face speech or text encoder. Several, in a list or repeated: each file is "
    "decoded once for all speech encoders.",
)
@click.option(
    "--checkpoint",
    metavar="PATH_OR_ID",
    help="A folder, a file or a hub id in place of the backbone's usual checkpoint.",
)
@click.option(
    "--as",
    "label",
    metavar="LABEL",
    help="Another name for this backbone (fit-head --backbones LABEL).  [default: its name]",
)
@click.option("--revision", metavar="COMMIT", help="Branch, tag or commit of a hub checkpoint.")
@click.option(
    "--layers",
    metavar="LAYERS",
    help="20, 20-24, -1, last, last4, all, or a comma list; 0 is the input of the first layer.  "
    "[default: last4; whisper: last]",
)
@click.option(
    "--reduce",
    type=click.Choice(["none", "sum", "mean"]),
    default="sum",
    show_default=True,
    help="How several layers become one; none keeps them apart.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float16", "float32", "int8"]),
    help="Dtype of the stored numbers.  [default: float16; egemaps: float32]",
)
@click.option(
    "--non-finite",
    type=click.Choice(["refuse", "clamp"]),
    default="refuse",
    show_default=True,
    help="An utterance whose features overflow the dtype: refuse to store it, or store the "
    "largest finite numbers and flag it.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
    default="auto",
    show_default=True,
    help="Precision of the computation; auto: bf16 on a GPU that has it, else fp32. Half precision "
    "is checked against float32 on the first utterance, and is part of the features' identity.",
)
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="Let torch.compile make the encoder's kernels first: minutes, for long extractions on a "
    "GPU. Features change by rounding alone.",
)
@click.option(
    "--average-frames",
    type=click.Choice(["1", "2", "4"]),
    default="1",
    show_default=True,
    help="Average this many consecutive audio frames into one before they are stored: half or a "
    "quarter of the disk.",
)
@click.option(
    "--like",
    metavar="MODE",
    help="Reproduce published features: medusa-published (3,000-sample pieces; one real token at "
    "each end dropped; Whisper's 30 s whole).",
)
@click.option(
    "--piece-s",
    type=click.FloatRange(min=0.5),
    help="Longest piece that a speech encoder takes in one call; longer clips are cut with "
    "overlap.  [default: the whole clip]",
)
@click.option(
    "--overlap-s",
    type=float,
    help="Seconds that pieces share.  [default: 2, of --piece-s]",
)
@click.option(
    "--window-s",
    type=click.FloatRange(min=1),
    help="Whisper's window in seconds, with the silence behind a short clip; longer clips are "
    "encoded window by window. 12 is about a third of the work of 30, but Whisper learned on 30. "
    "Not with --transcribe or --like.  [default: 30]",
)
@click.option(
    "--transcribe",
    "also_transcribe",
    is_flag=True,
    help="With whisper: the same pass through its encoder also fills transcripts/MODEL.parquet, as "
    "`medusa transcribe` would.",
)
@click.option("--language", metavar="CODE", help="The spoken language, for --transcribe.")
@device_option(
    "auto (cuda where there is one, else cpu), cpu, cuda, mps; several (cuda:0,cuda:1): a "
    "process for each, with its part of the utterances.",
    metavar="NAME[,NAME...]",
)
@batch_seconds
@text_option(
    "The texts that text backbones read: manifest, or the name of a transcripts table.  "
    "[default: the one table there is, else manifest]"
)
@only_splits
@force_option("Remove the stored features and start anew.")
@json_option()
@click.pass_obj
def extract(
    root: Path,
    /,
    names: tuple[str, ...],
    splits: str | None,
    device: str,
    precision: str,
    also_transcribe: bool,
    language: str | None,
    batch_seconds: float | None,
    non_finite: str,
    force: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Compute the features of a frozen backbone for every utterance, once.

    Stored features are not computed again: an interrupted run continues where it stopped.
    """
    from medusa.extract.encoders import pick, pick_precision
    from medusa.extract.planning import plan_jobs
    from medusa.strict import parts_of
    from medusa.workspace import Workspace

    wanted = parts_of(",".join(names))
    if language and not also_transcribe:
        raise ConfigError("--language: belongs to --transcribe; give both")
    if len(wanted) > 1 and any(choices[name] for name in ("checkpoint", "revision", "label")):
        raise ConfigError("--checkpoint, --revision and --as are for one backbone at a time")
    run_on = [pick(one) for one in parts_of(device)]
    if not run_on:
        raise ConfigError("--device: names no device; use auto or cpu")
    if also_transcribe and choices["compiled"]:
        raise ConfigError("--compile: does not go with --transcribe; leave one of them out")
    if len(run_on) > 1 and also_transcribe:
        raise ConfigError("--device: several do not go with --transcribe; give one")
    choices["precision"] = pick_precision(precision, run_on[0])
    choices["average_frames"] = int(choices["average_frames"])
    jobs = plan_jobs(Workspace.open(root), wanted, splits=parts_of(splits or ""), **choices)
    fill = None
    if also_transcribe:
        fill = _with_transcripts(jobs, Workspace.open(root), language, force)
    outcomes = _run_all(jobs, run_on, batch_seconds, non_finite, force, fill)
    rows = [_row(*one) for one in outcomes if one[1].elapsed_s or as_json]
    show(rows, EXTRACTED, as_json)
    refuse("features", [problem for _, outcome in outcomes for problem in outcome.problems])


def _with_transcripts(
    jobs: "list[ExtractionJob]", workspace: "Workspace", language: str | None, force: bool
) -> "Fill":
    """Return the function that fills a store and a table in one pass; every job must be able to."""
    from medusa.console import say
    from medusa.extract.transcription.encoder_decoder import require_decoder
    from medusa.extract.transcription.whisper_joint import extract_and_transcribe

    for one in jobs:
        require_decoder(one.backbone)

    def fill(
        job: "ExtractionJob", device: str, batch_seconds: float | None, non_finite: str
    ) -> "Outcome":
        outcome, result = extract_and_transcribe(
            job, workspace.transcripts, device, batch_seconds, non_finite, language, force=force
        )
        flags = ", ".join(f"{count} {flag}" for flag, count in result.flags.items()) or "none"
        if result.elapsed_s:
            say(f"{result.table}: {result.utterances} new transcripts; flags: {flags}")
        outcome.problems.extend(result.problems)
        return outcome

    return fill


def _run_all(
    jobs: "list[ExtractionJob]",
    devices: list[str],
    batch_seconds: float | None,
    non_finite: str,
    force: bool,
    fill: "Fill | None",
) -> "list[tuple[ExtractionJob, Outcome]]":
    """Run the jobs; speech encoders share one pass over the audio."""
    from medusa.console import say
    from medusa.extract.passes.multi_device import extract_on_devices
    from medusa.extract.passes.shared_pass import passes
    from medusa.workspace import remove

    done: dict[int, Outcome] = {}
    for group in passes(jobs) if fill is None else [[job] for job in jobs]:
        if fill is not None:  # it removes the store after its own checks
            group_outcomes = [fill(group[0], devices[0], batch_seconds, non_finite)]
        else:
            for job in group if force else ():
                remove(job.store)
            group_outcomes = extract_on_devices(group, devices, batch_seconds, non_finite)
        for job, outcome in zip(group, group_outcomes, strict=True):
            done[id(job)] = outcome
            if not outcome.elapsed_s:
                has = f"has all {len(job.utterances)} utterances of {job.backbone.name}"
                say(f"{job.store}: {has}; nothing to do")
    return [(job, done[id(job)]) for job in jobs]


def _row(job: "ExtractionJob", outcome: "Outcome") -> dict[str, Any]:
    """Return one job's outcome, and the size and flags of its store, as JSON values."""
    from medusa.cache import FeatureStore

    store = FeatureStore.open(job.store)
    is_audio = job.spec.input == "audio"
    speed = outcome.seconds / outcome.elapsed_s if outcome.elapsed_s else 0.0
    return {
        "backbone": job.backbone.name,
        "store": job.store.name,
        "utterances": outcome.utterances,
        "hours": outcome.seconds / 3600 if is_audio else None,
        "frames": outcome.frames,
        "seconds": outcome.elapsed_s,
        "x_real_time": speed if is_audio else None,
        "busy_share": outcome.timer.seconds / outcome.elapsed_s if outcome.elapsed_s else None,
        "stored_mb": store.size_bytes() / 1e6,
        "flags": store.index.flags(),
        "failed": len(outcome.problems),
    }
