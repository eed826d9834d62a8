"""`medusa plan`: the disk space, memory and hours of an extraction, or of a whole recipe."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.extract.plan_command import plan as extract_plan

if TYPE_CHECKING:
    from medusa.extract.planning import CorpusSize
    from medusa.manifests import Manifest
    from medusa.recipes.planning.plan import Plan, SplitSizes


@click.command("plan", params=[*extract_plan.params])
@click.argument("recipe", required=False)
@click.pass_context
def plan(ctx: click.Context, /, recipe: str | None, **options: Any) -> None:
    """Estimate the bytes and hours of an extraction, or of a whole RECIPE, before it runs.

    With --backbone, the command estimates one extraction: the bytes of each layer, and the hours.
    With a RECIPE (`medusa run --list` shows them) it estimates the disk space, memory and hours of
    every feature and head. It fails if the disk is too small.
    """
    if recipe is None:
        if not options["names"]:
            raise click.UsageError("Missing a RECIPE or option '--backbone'.", ctx)
        ctx.invoke(extract_plan, **options)
        return
    if options["names"]:
        raise click.UsageError("Give a RECIPE or --backbone, not both.", ctx)
    _recipe(ctx.obj, recipe, **options)


def _recipe(root: Path, name: str, **options: Any) -> None:
    from medusa.extract.plan_command import check_corpus
    from medusa.recipes.definition.load import load
    from medusa.workspace import Workspace

    workspace, planned, profile = Workspace.open(root), load(name), options["profile"]
    check_corpus(workspace, options["utterances"], options["hours"])
    from medusa.extract.planning import corpus_of, free_bytes, profile_of, require_room
    from medusa.manifests import Manifest
    from medusa.recipes.features import missing_shares, read_text
    from medusa.recipes.planning.feature_sizes import feature_sizes
    from medusa.recipes.planning.plan import plan as make

    reading = read_text(planned.features)
    corpus = corpus_of(workspace, options["text"], options["utterances"], options["hours"], reading)
    imagined = options["utterances"] is not None
    manifest = None if imagined else Manifest.read(workspace.manifest)
    rows = _rows(manifest, corpus)
    sizes = feature_sizes(workspace, planned, corpus)
    made = make(planned, sizes, corpus, rows, profile_of(profile))
    if manifest is not None:
        made = replace(
            made, missing=missing_shares(workspace, manifest, planned.features, options["text"])
        )
    free = free_bytes(workspace.features)
    if options["as_json"]:
        click.echo(json.dumps(facts(made) | {"free_bytes": free, "profile": profile}, indent=2))
    else:
        _show(made, corpus, rows, free, profile, options["workers"])
    require_room(workspace.features, made.to_make[0])


def facts(made: "Plan") -> dict[str, Any]:
    """Return a plan as plain values."""
    return {
        "features": {
            name: {"bytes": one.bytes, "frames": one.frames, "hours": hours, "notes": one.notes}
            for name, (one, hours) in made.features.items()
        },
        "heads": {
            one.task.name: {
                "parameters": one.parameters,
                "memory_gb": one.memory_gb,
                "hours": one.hours,
            }
            for one in made.heads
        },
        "bytes": made.bytes,
        "missing": made.missing,
        "transcription_hours": made.transcription,
        "hours": sum(hours for _, hours in made.features.values())
        + sum(one.hours for one in made.heads),
    }


def _rows(manifest: "Manifest | None", corpus: "CorpusSize") -> "SplitSizes":
    """Count the splits of the workspace's corpus, or assume the usual ones."""
    from medusa.recipes.planning.plan import SplitSizes, sizes_of

    if manifest is None or manifest.frame["split"].isna().all():
        return sizes_of(corpus.count)
    frame = manifest.frame
    train = frame[frame["split"] == "train"]
    counts = train["label"].value_counts()
    balanced = int(counts.min()) * len(counts) if len(counts) else 0
    return SplitSizes(len(train), balanced, int((frame["split"] == "dev").sum()))


def _show(
    made: "Plan", corpus: "CorpusSize", rows: "SplitSizes", free: int, profile: str, workers: int
) -> None:
    from medusa.console import data_size, duration, say, table

    sizes: list[list[object]] = [
        [name, one.spec.width, one.frames, data_size(one.bytes), duration(3600 * hours)]
        for name, (one, hours) in made.features.items()
    ]
    table(["feature", "width", "frames", "on disk", "time"], sizes, f"features, on {profile}")
    heads: list[list[object]] = [
        [
            one.task.name,
            " + ".join(one.task.features),
            f"{one.parameters / 1e6:.1f}",
            data_size(1e9 * one.memory_gb),
            duration(3600 * one.hours),
        ]
        for one in made.heads
    ]
    table(["head", "features", "M parameters", "memory", "time"], heads, f"heads, on {profile}")
    click.echo(
        f"{corpus.count} utterances, {duration(corpus.all_s)} of speech; {rows.train} train, "
        f"{rows.balanced} in a balanced epoch, {rows.dev} dev"
    )
    size, extract = made.to_make
    train = sum(one.hours for one in made.heads)
    missing = f", of which {data_size(size)} are missing" if size < made.bytes else ""
    click.echo(f"{data_size(made.bytes)} on disk{missing} ({data_size(free)} are free)")
    hours = [duration(3600 * one) for one in (extract / workers, train)]
    click.echo(f"{hours[0]} of extraction and at most {hours[1]} of training remain")
    if made.transcription:
        longest = duration(3600 * made.transcription)
        click.echo(f"{longest} of transcription, if the corpus has no texts")
    for note in dict.fromkeys(note for one, _ in made.features.values() for note in one.notes):
        say(note)
    if profile != "here":
        say(f"The times are those of one {profile}; --profile here measures this machine instead.")
    say(
        "The times are counted operations at 40 % (extraction) and 45 % (heads) of the device's "
        "peak, for all epochs of every stage; training ends earlier if dev stops improving. "
        "Transcription is greedy decoding by Whisper large-v3, with the decoder at 2 % of the peak."
    )
