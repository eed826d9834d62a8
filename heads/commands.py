"""`medusa fit-head`: train a fusion head on cached features."""

from pathlib import Path

import click

from medusa.options import device_option, force_option, jobs_option, missing_option, text_option


@click.command("fit-head")
@click.option(
    "--backbones",
    help="Which features, comma-separated: backbone names, store names where one backbone has "
    "several stores, `:layer_20` (`:*`: all) after either where layers are kept apart.  "
    "[default: all]",
)
@click.option("--name", help="The run's name.  [default: backbones, configuration and seed]")
@click.option(
    "--config",
    "config_name",
    help="A YAML file, or `medusa` (the paper) or `small`.  "
    "[default: medusa with a GPU, else small]",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting: seed=1, head.width=128, stages.0.epochs=4, ...; may be repeated.",
)
@click.option(
    "--seeds", metavar="LIST", help="One head per seed: 0-4, or 0,7,9. NAME becomes NAME-s0, ..."
)
@click.option(
    "--grid",
    multiple=True,
    metavar="KEY=V1,V2,...",
    help="One head per value, e.g. head.pooling=mean,attention; repeated: all combinations.",
)
@click.option(
    "--folds",
    type=int,
    metavar="K",
    help="Predict the training split out of fold as well, with K further trainings per head, "
    "speakers whole: what `medusa stack --fit-on out-of-fold` learns from.",
)
@text_option("Whose text the text features are of: `manifest` or a transcripts table.")
@device_option("cpu, cuda, cuda:1, ...; several (cuda:0,cuda:1): a head on each at once.")
@jobs_option("Train so many heads at once, each in a process of its own.")
@missing_option("What to do with utterances that lack features.")
@force_option("Train again, replacing a run of this name.")
@click.option(
    "--profile",
    "profiling",
    is_flag=True,
    help="Instead of training, take 23 steps, print where their time goes, and write a trace.",
)
@click.pass_obj
def fit_head(
    root: Path,
    backbones: str | None,
    name: str | None,
    config_name: str | None,
    overrides: tuple[str, ...],
    seeds: str | None,
    grid: tuple[str, ...],
    folds: int | None,
    text: str | None,
    device: str,
    jobs: int,
    missing: str,
    force: bool,
    profiling: bool,
) -> None:
    """Train a fusion head on cached features, through all stages of its configuration.

    A finished run is left alone, an interrupted one goes on where it stopped. With --seeds or
    --grid, many heads, one after the other or --jobs at once; one that fails does not stop the
    others.
    """
    from medusa.console import say
    from medusa.device import choose_devices
    from medusa.heads.examples.join import DataError
    from medusa.heads.queue.options import QueueOptions
    from medusa.heads.queue.run_queue import profile_first, run_all
    from medusa.heads.queue.variants import variants
    from medusa.strict import parts_of
    from medusa.workspace import Workspace

    workspace = Workspace.open(root)
    devices, reason = choose_devices(device)
    if config_name is None:
        config_name = "medusa" if devices[0].type == "cuda" else "small"
        say(f"configuration: {config_name} ({reason}; --config chooses another)")
    if folds is not None:
        overrides = (*overrides, f"train.folds={folds}")
    names = parts_of(backbones or "")
    if backbones and not names:
        raise DataError("--backbones: it names no backbone; leave it out to take every store")
    options = QueueOptions(
        workspace,
        names,
        config_name,
        text,
        missing == "drop",
        devices,
        force,
        jobs,
    )
    heads = variants(overrides, seeds, grid)
    if profiling:
        profile_first(options, heads)
        return
    for line in run_all(options, name, heads):
        click.echo(line)
