"""`medusa stack`: combine finished runs into one ensemble."""

import click

from medusa.ensemble.stackers import LEARNING, STACKERS
from medusa.options import force_option, settings_option, track_option

METHODS = "; ".join(f"{name}: {stacker.summary}" for name, stacker in STACKERS.items())


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--name", default="stack", show_default=True, help="The name of the new run.")
@click.option(
    "--method",
    default="shrunken",
    show_default=True,
    help=f"How the predictions are combined. {METHODS}.",
)
@click.option(
    "--fit-on",
    default="dev",
    show_default=True,
    help="The split from which the method learns, or out-of-fold: the training split, predicted by "
    "the folds of `medusa fit-head --folds`. The votes learn nothing.",
)
@click.option(
    "--top", type=int, metavar="K", help="Combine only the K runs with the best scores on dev."
)
@click.option(
    "--in-sample", is_flag=True, help="Allow --fit-on a split on which the runs were trained."
)
@settings_option(
    "Change a setting of the method: inputs=logits (class scores instead of posteriors), "
    "with_attributes=true, seeds=3 (of linear or mlp), soup=uniform|greedy|none and "
    "training.epochs=50 (of linear), prior=0.1 (of shrunken: how much class frequencies count)."
)
@force_option("Replace a run of this name.")
@track_option()
@click.pass_context
def stack(
    context: click.Context,
    runs: tuple[str, ...],
    name: str,
    method: str,
    fit_on: str,
    top: int | None,
    in_sample: bool,
    settings: tuple[str, ...],
    force: bool,
    track: str | None,
) -> None:
    """Combine finished runs into one ensemble, which is a run itself.

    RUN is the name of a run. Without any, all finished heads of the workspace are combined.
    The table shows the members and the votes on dev. `medusa evaluate` judges the ensemble on test,
    and compares it with them there.
    """
    from medusa.ensemble.choose_members import chosen_members
    from medusa.ensemble.fit_stack import fit_stack
    from medusa.ensemble.printing.print_stack import show_choice
    from medusa.ensemble.stacker import StackConfig
    from medusa.ensemble.stackers import stacker_of, with_settings
    from medusa.heads.tracking.track_runs import require_tracker, track_runs
    from medusa.workspace import Workspace

    require_tracker(track)
    config = StackConfig(method, fit_on, in_sample)
    if not stacker_of(config).learns:
        _refuse_learning(context, method)
    config = with_settings(config, settings)
    workspace = Workspace.open(context.obj)
    members = chosen_members(workspace.runs, runs, top)
    run = fit_stack(workspace, members, name=name, config=config, force=force)
    show_choice(run, members, workspace, config)
    track_runs(workspace, [run.name], track)


def _refuse_learning(context: click.Context, method: str) -> None:
    """Refuse the options of learning for a method that learns nothing."""
    from medusa.console import given

    unread = [f"--{one.replace('_', '-')}" for one in given(context) if one in LEARNING]
    if unread:
        raise click.UsageError(f"{', '.join(unread)}: --method {method} does not read it", context)
