"""The command `medusa plan`, without recipes: the size of an extraction on the disk."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.errors import MedusaError
from medusa.options import json_option, set_option, settings_of, text_option

if TYPE_CHECKING:
    from medusa.extract.planning import CorpusSize, Estimate
    from medusa.workspace import Workspace


SAME = "As in `medusa extract`."


@click.command()
@click.option(
    "--backbone",
    "names",
    metavar="NAME[,NAME...]",
    help=SAME,
)
@click.option("--layers", metavar="LAYERS", help=SAME)
@set_option("checkpoint, reduce, dtype, average_frames, window_s, ...: see `medusa extract`.")
@text_option("The texts that text backbones read; see `medusa extract`.")
@click.option(
    "--utterances",
    type=click.IntRange(min=1),
    help="Plan for this many utterances, without a manifest.",
)
@click.option(
    "--hours",
    type=click.FloatRange(0, min_open=True),
    help="The hours of speech, with --utterances.",
)
@click.option(
    "--profile",
    default="rtx3090",
    show_default=True,
    help="The device for which the hours are estimated: rtx3090, rtx4090, a100, h100, or here, "
    "which measures this machine for a second.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    help="So many of these devices share an extraction.  [default: 1]",
)
@json_option()
@click.pass_obj
def plan(
    root: Path,
    names: str | None,
    layers: str | None,
    overrides: tuple[str, ...],
    text: str | None,
    utterances: int | None,
    hours: float | None,
    profile: str,
    workers: int,
    as_json: bool,
) -> None:
    """Print the bytes that an extraction will store for each backbone and layer, and its time.

    The command fails if the disk is too small.
    """
    from medusa.extract.extraction_options import ExtractionOptions
    from medusa.strict import parts_of
    from medusa.workspace import Workspace

    options = ExtractionOptions(layers=layers, **settings_of(ExtractionOptions, overrides))
    workspace = Workspace.open(root)
    wanted = parts_of(names or "")
    options.check(wanted, ["cpu"])
    check_corpus(workspace, utterances, hours)
    from medusa.extract.backbones import reads_text
    from medusa.extract.planning import (
        corpus_of,
        estimate_of,
        extract_hours,
        free_bytes,
        profile_of,
        require_room,
    )
    from medusa.extract.planning.at_scale import scale_of

    chosen = {
        name: replace(options, checkpoint=options.checkpoint or workspace.checkpoint(name))
        for name in wanted
    }
    reading = any(reads_text(name, one.checkpoint) for name, one in chosen.items())
    corpus = corpus_of(workspace, text, utterances, hours, reading)
    plans = [estimate_of(corpus, name, one) for name, one in chosen.items()]
    device, free = profile_of(profile), free_bytes(workspace.features)
    hours_of = {
        name: extract_hours(one, corpus, device) for name, one in zip(chosen, plans, strict=True)
    }
    scale = scale_of(plans, corpus.count, sum(hours_of.values()))
    if as_json:
        facts = {"hours": hours_of, "profile": profile, "workers": workers, "free_bytes": free}
        _print_json(plans, facts | {"scale": asdict(scale)})
    else:
        _show(plans, corpus, free)
        click.echo(time_sentence(scale.device_hours, profile, workers))
        for sentence in scale.sentences() if utterances is not None else ():
            click.echo(sentence)
    require_room(workspace.features, sum(one.bytes for one in plans))


def check_corpus(workspace: "Workspace", utterances: int | None, hours: float | None) -> None:
    """Raise an error if there is neither a manifest nor the size of a corpus."""
    if (utterances is None) != (hours is None):
        raise MedusaError("--utterances and --hours belong together")
    if utterances is None and not workspace.manifest.exists():
        raise MedusaError(
            f"{workspace.manifest}: no manifest here; make one with `medusa manifest import CORPUS "
            "PATH`, or give the size of the corpus: --utterances N --hours H"
        )


def time_sentence(hours: float, profile: str, workers: int) -> str:
    """Return a sentence about the hours of an extraction, on one device and on several."""
    from medusa.console import duration
    from medusa.extract.planning import EXTRACT_MFU

    of = "this machine" if profile == "here" else f"one {profile}"
    shared = f"; {duration(3600 * hours / workers)} on {workers} of them" if workers > 1 else ""
    other = "" if profile == "here" else "; --profile here measures this machine"
    counted = f"counted operations at {100 * EXTRACT_MFU:.0f} % of its peak{other}"
    return f"about {duration(3600 * hours)} of extraction on {of}{shared} ({counted})"


def _rows(plans: "list[Estimate]") -> list[dict[str, Any]]:
    """Return the facts about every array."""
    return [
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


def _notes(plans: "list[Estimate]") -> list[str]:
    return [f"{one.spec.backbone}: {note}" for one in plans for note in one.notes]


def _print_json(plans: "list[Estimate]", facts: dict[str, Any]) -> None:
    """Print the arrays, their bytes, further facts and the assumptions."""
    import json

    total = sum(one.bytes for one in plans)
    shown = {"arrays": _rows(plans), "bytes": total} | facts | {"notes": _notes(plans)}
    click.echo(json.dumps(shown, indent=2))


def _show(plans: "list[Estimate]", corpus: "CorpusSize", free: int) -> None:
    """Print a table of the arrays, the total and the assumptions."""
    from medusa.console import data_size, duration, say, table

    cells = [[*list(row.values())[:-1], f"{row['bytes'] / 1e9:.3f}"] for row in _rows(plans)]
    table(["backbone", "array", "dtype", "width", "frames", "GB"], cells)
    speech = f", {duration(corpus.all_s)} of speech" if corpus.all_s else ""
    click.echo(f"{corpus.count} utterances{speech}")
    total = sum(one.bytes for one in plans)
    click.echo(f"{data_size(total)} in all; {data_size(free)} are free")
    for note in _notes(plans):
        say(note)
