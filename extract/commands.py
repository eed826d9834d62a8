"""`medusa extract` and `medusa transcribe`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.errors import MedusaError

if TYPE_CHECKING:
    from medusa.extract.jobs import Job
    from medusa.extract.run import Outcome

MOST_PROBLEMS = 50


class ExtractError(MedusaError):
    """Options that contradict each other, or utterances that could not be encoded."""


@click.command()
@click.option(
    "--backbone",
    "names",
    required=True,
    metavar="NAME[,NAME...]",
    help="logmel, wavlm, hubert, whisper, roberta, modernbert, ...; or auto, with --checkpoint, "
    "for any Hugging Face speech or text encoder.",
)
@click.option(
    "--checkpoint",
    metavar="PATH_OR_ID",
    help="A folder, a file or a hub id in place of the backbone's usual checkpoint.",
)
@click.option("--revision", metavar="COMMIT", help="Branch, tag or commit of a hub checkpoint.")
@click.option(
    "--layers",
    metavar="LAYERS",
    help="20, 20-24, -1, last, last4, all, or a comma list; 0 is what enters the first layer.  "
    "[default: last4; whisper: last]",
)
@click.option(
    "--reduce",
    type=click.Choice(["none", "sum", "mean"]),
    default="sum",
    show_default=True,
    help="What to make of several layers; none keeps them apart.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float16", "float32"]),
    default="float16",
    show_default=True,
    help="Of the stored numbers; computing is in float32.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto (cuda where there is one, else cpu), cpu, cuda, cuda:1, mps.",
)
@click.option(
    "--batch-seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Padded seconds of audio in a batch; halved when memory runs out.  "
    "[default: 400 on cuda, 40 on cpu]",
)
@click.option(
    "--text",
    metavar="SOURCE",
    help="What text backbones read: manifest, or the name of a transcripts table.  "
    "[default: the one table there is, else manifest]",
)
@click.option("--split", "splits", metavar="NAME[,NAME...]", help="Only these splits.")
@click.option("--force", is_flag=True, help="Throw the stored features away and start anew.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_obj
def extract(
    home: Path,
    /,
    names: str,
    splits: str | None,
    device: str,
    batch_seconds: float | None,
    force: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Compute the features of a frozen backbone for every utterance, once.

    What is stored already is not computed again: an interrupted run continues where it stopped.
    """
    from medusa.extract.devices import pick
    from medusa.extract.jobs import plan_jobs
    from medusa.workspace import Workspace

    wanted = _list(names)
    if len(wanted) > 1 and (choices["checkpoint"] or choices["revision"]):
        raise ExtractError("--checkpoint and --revision are for one backbone at a time")
    device = pick(device)
    jobs = plan_jobs(Workspace.open(home), wanted, splits=_list(splits or ""), **choices)
    outcomes = [(job, _run(job, device, batch_seconds, force)) for job in jobs]
    rows = [_row(job, outcome) for job, outcome in outcomes if outcome.elapsed_s]
    if as_json:
        click.echo(json.dumps([_row(*one) for one in outcomes], indent=2))
    elif rows:
        _print(rows)
    _refuse([problem for _, outcome in outcomes for problem in outcome.problems])


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _run(job: "Job", device: str, batch_seconds: float | None, force: bool) -> "Outcome":
    from medusa.console import say
    from medusa.extract.devices import batch_seconds as usual
    from medusa.extract.run import extract as fill
    from medusa.extract.run import remove

    if force:
        remove(job.store)
    outcome = fill(job, device, batch_seconds or usual(device))
    if not outcome.elapsed_s:
        count = len(job.utterances)
        say(f"{job.store}: has all {count} utterances of {job.backbone.name}; nothing to do")
    return outcome


def _row(job: "Job", outcome: "Outcome") -> dict[str, Any]:
    """Return what one job did, as JSON values."""
    from medusa.cache import FeatureStore

    heard = job.spec.input == "audio"
    speed = outcome.seconds / outcome.elapsed_s if outcome.elapsed_s else 0.0
    return {
        "backbone": job.backbone.name,
        "store": job.store.name,
        "utterances": outcome.utterances,
        "hours": outcome.seconds / 3600 if heard else None,
        "frames": outcome.frames,
        "seconds": outcome.elapsed_s,
        "x_real_time": speed if heard else None,
        "stored_mb": FeatureStore.open(job.store).size_bytes() / 1e6,
        "flags": dict(outcome.flags),
        "failed": len(outcome.problems),
    }


def _print(rows: list[dict[str, Any]]) -> None:
    from medusa.console import table

    header = ["store", "utterances", "hours", "frames", "x real time", "MB", "flags"]
    cells = [
        (
            row["store"],
            row["utterances"],
            None if row["hours"] is None else f"{row['hours']:.2f}",
            row["frames"],
            None if row["x_real_time"] is None else f"{row['x_real_time']:.0f}",
            f"{row['stored_mb']:.1f}",
            ", ".join(f"{count} {flag}" for flag, count in row["flags"].items()) or "none",
        )
        for row in rows
    ]
    table(header, cells)


def _refuse(problems: list[str]) -> None:
    """Raise if any utterance could not be encoded, naming them."""
    if not problems:
        return
    shown = problems[:MOST_PROBLEMS]
    rest = [f"... and {len(problems) - len(shown)} more"] if len(problems) > len(shown) else []
    raise ExtractError(
        f"{len(problems)} utterances have no features (the others are stored); mend these and "
        "run the command again:\n  " + "\n  ".join([*shown, *rest])
    )
