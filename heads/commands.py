"""`medusa fit-head`: train a fusion head on cached features."""

from pathlib import Path

import click

from medusa.options import (
    device_option,
    force_option,
    jobs_option,
    missing_option,
    settings_option,
    text_option,
    track_option,
)


@click.command("fit-head")
@click.option(
    "--backbones",
    help="The features that the head reads, comma-separated: names of backbones, or of stores "
    "where a backbone has several. Where layers are stored apart, `:20` after the name chooses a "
    "layer, `:3+4+6` a learned sum of layers, `:*` the sum of all, and `:each` makes every layer a "
    "modality.  [default: all]",
)
@click.option("--name", help="The name of the run.  [default: backbones, configuration and seed]")
@click.option(
    "--config",
    "config_name",
    help="A YAML file, or `medusa` (the settings of the paper) or `small`.  "
    "[default: medusa with a GPU, else small]",
)
@settings_option("Change a setting: seed=1, head.width=128, stages.0.epochs=4, ...")
@click.option(
    "--seeds",
    metavar="LIST",
    help="Train a head per seed: 0-4, or 0,7,9. NAME becomes NAME-s0, ...",
)
@click.option(
    "--grid",
    multiple=True,
    metavar="KEY=V1,V2,...",
    help="Train a head per value, as in head.pooling=mean,attention. If it is repeated, all "
    "combinations are trained.",
)
@click.option(
    "--folds",
    type=int,
    metavar="K",
    help="Also predict the training split out of fold, with K further trainings per head. All "
    "utterances of a speaker are in the same fold. `medusa stack --fit-on out-of-fold` learns "
    "from these predictions.",
)
@text_option("The source of the texts of text features: `manifest` or a transcripts table.")
@device_option(
    "cpu, cuda, cuda:1, ...; with several (cuda:0,cuda:1), each trains a head at once. ray or "
    "ray://HOST:PORT is a Ray cluster with --jobs workers."
)
@jobs_option("The number of heads that are trained at once, each in another process.")
@missing_option("What to do with utterances that lack features.")
@force_option("Train again, replacing a run of this name.")
@track_option()
@click.pass_obj
def fit_head(
    root: Path,
    backbones: str | None,
    name: str | None,
    config_name: str | None,
    settings: tuple[str, ...],
    seeds: str | None,
    grid: tuple[str, ...],
    folds: int | None,
    text: str | None,
    device: str,
    jobs: int,
    missing: str,
    force: bool,
    track: str | None,
) -> None:
    """Train a fusion head on cached features, through all stages of its configuration.

    A finished run is left alone, and an interrupted run continues where it stopped. With --seeds
    or --grid, many heads are trained, one after the other or --jobs at once. A head that fails
    does not stop the others.
    """
    from functools import partial

    from medusa.console import say
    from medusa.device import usual_config
    from medusa.errors import DataError
    from medusa.heads.networks.head import HEADS
    from medusa.heads.queue.fit_heads import fit_heads
    from medusa.heads.queue.head_specs import head_specs
    from medusa.heads.queue.results import raise_problems, show_result, show_sweep
    from medusa.heads.tracking.track_runs import require_tracker, track_runs
    from medusa.strict import parts_of
    from medusa.workspace import Workspace

    require_tracker(track)
    workspace = Workspace.open(root)
    usual, reason = usual_config(device)
    chosen = ""
    if config_name is None:
        config_name = usual
        chosen = f"configuration: {usual} ({reason}; --config chooses another)"
    if folds is not None:
        settings = (*settings, f"train.folds={folds}")
    names = parts_of(backbones or "")
    if backbones and not names:
        raise DataError("--backbones: it names no backbone; leave it out to take every store")
    specs = head_specs(
        workspace,
        config_name,
        settings,
        name=name,
        seeds=seeds,
        grid=grid,
        features=names,
        text=text,
        drop_missing=missing == "drop",
        force=force,
    )
    if chosen and any(HEADS[one.config.head.name].fitted_by == "steps" for one in specs):
        say(chosen)  # Heads that are not trained by steps read little of it.
    show = partial(show_result, workspace, len(specs) > 1)
    results = fit_heads(workspace, specs, devices=device, jobs=jobs, on_result=show)
    show_sweep(workspace, results)
    track_runs(workspace, [one.run for one in results if not one.problem], track)
    raise_problems(results)
