"""`medusa plan`: how much disk and time an extraction will take."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.errors import MedusaError
from medusa.options import json_option, text_option

if TYPE_CHECKING:
    from medusa.extract.planning.estimate import Corpus, Estimate
    from medusa.workspace import Workspace


SAME = "As in `medusa extract`."


class PlanError(MedusaError):
    """A plan that cannot be carried out."""


@click.command()
@click.option(
    "--backbone",
    "names",
    metavar="NAME[,NAME...]",
    help=SAME,
)
@click.option("--checkpoint", metavar="PATH_OR_ID", help=SAME)
@click.option("--layers", metavar="LAYERS", help=SAME)
@click.option("--reduce", type=click.Choice(["none", "sum", "mean"]), default="sum", help=SAME)
@click.option("--dtype", type=click.Choice(["float16", "float32", "int8"]), help=SAME)
@text_option("Whose text; see `medusa extract`.")
@click.option(
    "--utterances",
    type=click.IntRange(min=1),
    help="Plan for so many utterances, without a manifest.",
)
@click.option(
    "--hours", type=click.FloatRange(0, min_open=True), help="And so many hours of speech."
)
@click.option(
    "--speed", type=float, metavar="X", help="Seconds of audio a second takes, to tell the time."
)
@json_option()
@click.pass_obj
def plan(
    home: Path,
    names: str | None,
    checkpoint: str | None,
    layers: str | None,
    reduce: str,
    dtype: str | None,
    text: str | None,
    utterances: int | None,
    hours: float | None,
    speed: float | None,
    as_json: bool,
) -> None:
    """Tell how many bytes per backbone and layer an extraction will store, and how long it takes.

    Fails where the disk has not the room.
    """
    from medusa.strict import parts_of
    from medusa.workspace import Workspace

    workspace = Workspace.open(home)
    wanted = parts_of(names or "")
    if checkpoint and len(wanted) > 1:
        raise PlanError("--checkpoint is for one backbone at a time")
    check_corpus(workspace, utterances, hours)
    from medusa.extract.planning.estimate import estimate, free_bytes, reads_text

    reading = any(reads_text(name, checkpoint) for name in wanted)
    corpus = corpus_of(workspace, text, utterances, hours, reading)
    plans = [estimate(corpus, name, checkpoint, None, layers, reduce, dtype) for name in wanted]
    free = free_bytes(workspace.features)
    _show(plans, corpus, free, speed, as_json)
    needed = sum(one.bytes for one in plans)
    if needed > free:
        raise PlanError(
            f"{workspace.features}: needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; "
            "keep fewer layers, reduce them, use --dtype int8, or another disk (medusa.yaml)"
        )


def check_corpus(workspace: "Workspace", utterances: int | None, hours: float | None) -> None:
    """Raise PlanError if there is neither a manifest nor the size of a corpus; loads nothing."""
    if (utterances is None) != (hours is None):
        raise PlanError("--utterances and --hours belong together")
    if utterances is None and not workspace.manifest.exists():
        raise PlanError(
            f"{workspace.manifest}: no manifest here; make one with `medusa manifest import CORPUS "
            "PATH`, or say how large the corpus will be: --utterances N --hours H"
        )


def corpus_of(
    workspace: "Workspace",
    text: str | None,
    utterances: int | None,
    hours: float | None,
    reading: bool,
) -> "Corpus":
    """Take the workspace's corpus, with its texts where a backbone reads, or a made-up one."""
    from medusa.extract.planning.estimate import Corpus
    from medusa.manifests import Manifest
    from medusa.manifests.texts import texts_of

    check_corpus(workspace, utterances, hours)
    if utterances is not None and hours is not None:
        return Corpus.of_size(utterances, hours)
    manifest = Manifest.read(workspace.manifest)
    seconds = manifest.frame["duration_s"].fillna(0.0).tolist()
    if not reading:
        return Corpus(seconds)
    _, said = texts_of(manifest, workspace.transcripts, text)
    return Corpus(seconds, said.tolist() if said.notna().all() else None)


def _show(
    plans: "list[Estimate]", corpus: "Corpus", free: int, speed: float | None, as_json: bool
) -> None:
    import json

    from medusa.console import say, table

    rows: list[dict[str, Any]] = [
        {
            "backbone": one.spec.backbone,
            "array": name,
            "dtype": one.spec.dtype,
            "width": one.spec.width,
            "frames": one.frames,
            "bytes": size,
        }
        for one in plans
        for name, size in one.sizes.items()
    ]
    total = sum(one.bytes for one in plans)
    seconds = corpus.all_s * len(plans) / speed if speed else None
    notes = [f"{one.spec.backbone}: {note}" for one in plans for note in one.notes]
    if as_json:
        facts = {"arrays": rows, "bytes": total, "free_bytes": free, "seconds": seconds}
        click.echo(json.dumps(facts | {"notes": notes}, indent=2))
        return
    cells = [[*list(row.values())[:-1], f"{row['bytes'] / 1e9:.3f}"] for row in rows]
    table(["backbone", "array", "dtype", "width", "frames", "GB"], cells)
    hours = corpus.all_s / 3600
    speech = f", {hours:.1f} h of speech" if hours else ""
    click.echo(f"{corpus.count} utterances{speech}")
    click.echo(f"{total / 1e9:.2f} GB in all; {free / 1e9:.1f} GB are free")
    if seconds is not None:
        click.echo(f"{seconds / 3600:.1f} h at {speed:g} x real time for each backbone")
    for note in notes:
        say(note)
