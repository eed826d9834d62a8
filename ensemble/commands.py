"""`medusa stack`: combine finished runs into one ensemble."""

from typing import Any

import click

from medusa.options import force_option


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--name", default="stack", show_default=True, help="The new run's name.")
@click.option(
    "--method",
    default="linear",
    show_default=True,
    help="linear (the paper's meta-classifier, souped), opinion-pool (one weight per member), "
    "logreg, svm, mlp, forest (scikit-learn's); or a vote that learns nothing: majority, soft "
    "(mean posterior), product (mean log-posterior).",
)
@click.option(
    "--fit-on",
    default="dev",
    show_default=True,
    help="The split that a stacker learns from, or out-of-fold: the training split as the folds of "
    "`medusa fit-head --folds` predict it.",
)
@click.option("--top", type=int, metavar="K", help="Combine only the K runs that are best on dev.")
@click.option(
    "--in-sample", is_flag=True, help="Allow --fit-on a split that the runs were trained on."
)
@click.option(
    "--inputs",
    type=click.Choice(["posteriors", "logits"]),
    default="posteriors",
    show_default=True,
    help="What the stacker reads from every run.",
)
@click.option(
    "--with-attributes", is_flag=True, help="Let the stacker read predicted attributes, too."
)
@click.option(
    "--seeds", default=6, show_default=True, help="How many runs of linear or mlp are trained."
)
@click.option(
    "--soup",
    type=click.Choice(["uniform", "greedy", "none"]),
    default="uniform",
    show_default=True,
    help="How the weights of linear's runs become one.",
)
@click.option(
    "--epochs", type=int, help="Class-balanced epochs of linear.  [default: 1,000 steps' worth]"
)
@force_option("Replace a run of this name.")
@click.pass_context
def stack(
    context: click.Context,
    runs: tuple[str, ...],
    name: str,
    method: str,
    fit_on: str,
    top: int | None,
    in_sample: bool,
    inputs: str,
    with_attributes: bool,
    seeds: int,
    soup: str,
    epochs: int | None,
    force: bool,
) -> None:
    """Combine finished runs into one ensemble, which is a run itself.

    RUN: names of runs; without any, all finished heads of the workspace.
    """
    from medusa.console import say
    from medusa.ensemble import StackConfig, best, finished_heads
    from medusa.ensemble import stack as fit_stack
    from medusa.ensemble.linear import Training
    from medusa.errors import RunError, listed
    from medusa.heads.runs.run_dir import SUMMARY, find_run, new_run
    from medusa.manifests import Manifest
    from medusa.workspace import Workspace

    _refuse_unread(context, method)
    config = StackConfig(
        method, fit_on, in_sample, inputs, with_attributes, seeds, soup, Training(epochs)
    )
    workspace = Workspace.open(context.obj)
    manifest = Manifest.read(workspace.manifest)
    named = [find_run(workspace.runs, one) for one in runs]
    paths = [one.path.resolve() for one in named]
    if twice := {one.name for one in named if paths.count(one.path.resolve()) > 1}:
        raise RunError(f"{listed(sorted(twice))} is named twice; name each run once")
    members = named or finished_heads(workspace.runs)
    if top is not None:
        members = best(members, top)
    run = new_run(workspace.runs, name)
    if not fit_stack(run, members, manifest, config, force):
        say(f"{name}: finished already, nothing to do (--force stacks again)")
    show(run.read_json(SUMMARY), name)


def _refuse_unread(context: click.Context, method: str) -> None:
    """Refuse options that the method does not read."""
    from medusa.console import given
    from medusa.ensemble.stackers import ignored

    options = {"epochs" if name == "training" else name for name in ignored(method)}
    unread = [name for name in given(context) if name in options]
    if unread:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in unread)
        raise click.UsageError(f"{words}: --method {method} does not read it", context)


def show(summary: dict[str, Any], name: str) -> None:
    """Print the scores of the ensemble and its members, its gains over them, and chance."""
    from medusa.console import say, table

    gains = {line["of"]: line for line in summary.get("gains", [])}
    rows: list[list[object]] = []
    for line in summary["comparison"]:
        low, high = line["interval"]
        spread = f"{low:.3f} – {high:.3f}"
        line_gain = gains.get(line["name"])
        gain = (
            [f"{line_gain['difference']:+.3f}", f"{line_gain['p']:.3f}"] if line_gain else ["", ""]
        )
        row = [line["name"], line["kind"], line["macro_f1"], spread, line["accuracy"]]
        rows.append(row + gain if gains else row)
    blank = ["", None, "", ""] if gains else ["", None]
    rows.append(["always the most frequent class", "baseline", summary["majority"], *blank])
    rows.append(["guessing by the training prior", "baseline", summary["chance"], *blank])
    header = ["", "kind", "macro-F1", "95 %", "accuracy"]
    header += [f"gain of {name}", "p (Holm)"] if gains else []
    title = f"{name}: judged on {summary['utterances']} labelled utterances of {summary['split']}"
    table(header, rows, title)
    for note in summary["notes"]:
        say(f"note: {note}")
