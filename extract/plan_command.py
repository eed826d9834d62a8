"""The command `medusa plan`, without recipes: the size of an extraction on the disk."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.errors import MedusaError
from medusa.options import json_option, set_option, settings_of, text_option

if TYPE_CHECKING:
    from medusa.extract.planning import CorpusSize
    from medusa.extract.planning.estimate import Estimate
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
    from medusa.extract.planning import corpus_of, free_bytes, require_room
    from medusa.extract.planning.estimate import estimate

    chosen = {
        name: replace(options, checkpoint=options.checkpoint or workspace.checkpoint(name))
        for name in wanted
    }
    reading = any(reads_text(name, one.checkpoint) for name, one in chosen.items())
    corpus = corpus_of(workspace, text, utterances, hours, reading)
    plans = [estimate(corpus, name, one) for name, one in chosen.items()]
    free = free_bytes(workspace.features)
    _show(plans, corpus, free, as_json)
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


def _show(plans: "list[Estimate]", corpus: "CorpusSize", free: int, as_json: bool) -> None:
    """Print the arrays, the total and the assumptions, as JSON or as a table."""
    import json

    from medusa.console import duration, say, table

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
    notes = [f"{one.spec.backbone}: {note}" for one in plans for note in one.notes]
    if as_json:
        facts = {"arrays": rows, "bytes": total, "free_bytes": free}
        click.echo(json.dumps(facts | {"notes": notes}, indent=2))
        return
    cells = [[*list(row.values())[:-1], f"{row['bytes'] / 1e9:.3f}"] for row in rows]
    table(["backbone", "array", "dtype", "width", "frames", "GB"], cells)
    speech = f", {duration(corpus.all_s)} of speech" if corpus.all_s else ""
    click.echo(f"{corpus.count} utterances{speech}")
    click.echo(f"{total / 1e9:.2f} GB in all; {free / 1e9:.1f} GB are free")
    for note in notes:
        say(note)
