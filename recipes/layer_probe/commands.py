"""`medusa probe-layers`: which layers of a backbone to extract."""

from pathlib import Path
from typing import Any

import click

from medusa.options import (
    device_option,
    json_option,
    seed_option,
    set_option,
    settings_of,
    text_option,
)

SAME = "As in `medusa extract`."


@click.command("probe-layers")
@click.option("--backbone", required=True, metavar="NAME", help=SAME)
@click.option("--checkpoint", metavar="PATH_OR_ID", help=SAME)
@click.option("--as", "label", metavar="LABEL", help=SAME)
@click.option(
    "--utterances",
    type=click.IntRange(min=10),
    default=2000,
    show_default=True,
    help="The largest number of training utterances in the sample, which has whole speakers.",
)
@device_option()
@text_option(SAME)
@set_option("dtype, window_s, batch_seconds, ...: see `medusa extract`.")
@seed_option("The seed of the sample and of its folds.")
@json_option()
@click.pass_obj
def probe_layers(
    root: Path,
    /,
    backbone: str,
    utterances: int,
    seed: int,
    overrides: tuple[str, ...],
    as_json: bool,
    **choices: Any,
) -> None:
    """Compare all layers of a backbone on a sample of the training split, before the extraction.

    The command prints the unweighted average recall (UAR) of a linear probe on every layer, writes
    a picture, and recommends the layer to extract. It reads nothing of dev and test. An
    interrupted command continues where it stopped.
    """
    import json

    from medusa.console import table
    from medusa.extract.extraction_options import ExtractionOptions, FurtherOptions
    from medusa.recipes.layer_probe.probe_layers import probe_layers as probe
    from medusa.workspace import Workspace

    options = ExtractionOptions(**choices, **settings_of(FurtherOptions, overrides))
    found = probe(Workspace.open(root), backbone, options, utterances=utterances, seed=seed)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    rows = [
        [mark.layer, f"{mark.score:.3f}", f"{mark.low:.3f} - {mark.high:.3f}"]
        for mark in found.layers
    ]
    table(["layer", "UAR", "95 %"], rows)
    click.echo(f"{found.utterances} training utterances of {found.speakers} speakers")
    click.echo(
        f"recommended: --layers {found.recommended}, which takes {found.bytes / 1e9:.3f} GB for "
        f"the whole corpus (all layers: {found.bytes_of_all / 1e9:.3f} GB)"
    )
    click.echo(f"picture: {found.picture}")
