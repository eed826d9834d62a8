"""`medusa fit-head`: train a fusion head on cached features."""

from pathlib import Path

import click


@click.command("fit-head")
@click.option(
    "--backbones",
    help="Which features, comma-separated: backbone names, store names where one backbone has "
    "several stores, `:layer_20` after either where layers are kept apart.  [default: all]",
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
    "--text", help="Whose text the text features are of: `manifest` or a transcripts table."
)
@click.option("--device", default="auto", help="cpu, cuda, cuda:1, ...", show_default=True)
@click.option(
    "--missing",
    type=click.Choice(["error", "drop"]),
    default="error",
    show_default=True,
    help="What to do with utterances that lack features.",
)
@click.option("--force", is_flag=True, help="Train again, replacing a run of this name.")
@click.pass_obj
def fit_head(
    workspace: Path,
    backbones: str | None,
    name: str | None,
    config_name: str | None,
    overrides: tuple[str, ...],
    text: str | None,
    device: str,
    missing: str,
    force: bool,
) -> None:
    """Train a fusion head on cached features, through all stages of its configuration.

    A finished run is left alone, an interrupted one goes on where it stopped.
    """
    from medusa.console import progress, say
    from medusa.device import choose_device
    from medusa.heads.config import load
    from medusa.heads.fit import fit, prepare
    from medusa.heads.run_dir import new_run
    from medusa.heads.train import epochs_at_most
    from medusa.workspace import Workspace

    place = Workspace.open(workspace)
    where, why = choose_device(device)
    if config_name is None:
        config_name = "medusa" if where.type == "cuda" else "small"
        say(f"configuration: {config_name} ({why}; --config chooses another)")
    config = load(config_name, overrides)
    wanted = [part.strip() for part in backbones.split(",")] if backbones else []
    job = prepare(place, config, wanted, text, missing == "drop")
    used = [store.spec.backbone for store, _ in job.chosen]
    name = name or f"{'+'.join(used)}-{Path(config_name).stem}-s{config.seed}"
    run = new_run(place.runs, name)
    if not run.start(job.record, force):
        say(f"{name}: finished already, nothing to do (--force trains again)")
    else:
        say(f"{name}: {' + '.join(used)}, {len(job.examples.ids)} utterances, on {where}")
        with progress(name, epochs_at_most(config), "epoch") as advance:
            fit(job, run, where, advance)
    for note in job.notes:
        say(f"note: {note}")
    summary = run.read_json("summary.json")
    click.echo(
        f"{name}: dev macro-F1 {summary['dev_macro_f1']:.3f} on balanced draws "
        f"(best after {summary['best_at']}; chance {1 / len(job.examples.classes):.3f})"
    )
