"""The command `medusa` imports the module of a subcommand and turns errors into exit codes."""

import importlib
import io
import os
import sys
import threading
from pathlib import Path
from typing import NoReturn

import click

from medusa.console import show_progress, visible
from medusa.errors import MedusaError, nearest
from medusa.foreign import CHECK_PATH, REMEDIES, reason_of
from medusa.next_steps import with_next_step

COMPLETING = "_MEDUSA_COMPLETE"  # The shell sets this variable when it asks for completions.
# A command -> (the module that defines it, one line for --help); a module is imported when needed.
COMMANDS = {
    "doctor": ("medusa.recipes.doctor.command", "Look at this machine; say what to do."),
    "demo": ("medusa.recipes.demo.commands", "Run the whole pipeline on a small made-up corpus."),
    "simulate": ("medusa.recipes.simulate.commands", "Draw features whose best score is known."),
    "manifest": ("medusa.manifests.commands", "Import a corpus, split it and audit it."),
    "transcribe": (
        "medusa.extract.transcribe_command",
        "Turn speech into text with Whisper, once.",
    ),
    "extract": ("medusa.extract.extract_command", "Compute features of a frozen backbone, once."),
    "plan": (
        "medusa.recipes.planning.plan_command",
        "Estimate the disk, memory and hours of a recipe.",
    ),
    "probe-layers": (
        "medusa.recipes.layer_probe.commands",
        "Compare the layers of a backbone on a sample.",
    ),
    "cache": ("medusa.cache.commands", "List, check and move the feature stores."),
    "verify": (
        "medusa.recipes.verification.verify_command",
        "Compare all files of the workspace with their checksums.",
    ),
    "fit-head": ("medusa.heads.commands", "Train a fusion head on cached features."),
    "baseline": (
        "medusa.reports.baselines.commands",
        "Fit logistic regression and SVM on the features.",
    ),
    "cross-validate": (
        "medusa.recipes.cross_validation.commands",
        "Train heads in every fold, and judge all utterances.",
    ),
    "import-checkpoint": (
        "medusa.heads.imported.command",
        "Make a run of weights of the published code.",
    ),
    "runs": ("medusa.reports.runs_table.command", "List the heads and ensembles of a workspace."),
    "stack": ("medusa.ensemble.commands", "Combine finished runs into one ensemble."),
    "run": ("medusa.recipes.commands", "Run a whole published system from a recipe."),
    "slurm": ("medusa.recipes.slurm.slurm_command", "Print a recipe as Slurm jobs."),
    "tables": ("medusa.recipes.commands", "Compare the source's tables with own results."),
    "evaluate": (
        "medusa.reports.evaluate_command",
        "Judge a run: macro-F1, UAR, confusion, attributes.",
    ),
    "compare": (
        "medusa.reports.comparison.compare_command",
        "Compare runs in pairs, with intervals and p values.",
    ),
    "matrix": (
        "medusa.recipes.corpus_matrix.command",
        "Train on each of several corpora, and test on each.",
    ),
    "stress": (
        "medusa.inference.stress.stress_command",
        "Judge a run on noisy and otherwise degraded recordings.",
    ),
    "card": (
        "medusa.inference.card.card_command",
        "Write a run's checklist of reproducibility.",
    ),
    "export-onnx": ("medusa.inference.onnx.command", "Write a model as an ONNX file."),
    "submit": ("medusa.reports.submit_command", "Write the challenge's submission files."),
    "predict": (
        "medusa.inference.predict_command",
        "Predict the emotion of new recordings.",
    ),
    "bundle": (
        "medusa.inference.bundle.commands",
        "Write a folder with everything that a model needs.",
    ),
    "push": ("medusa.inference.bundle.commands", "Upload a bundle to the Hugging Face Hub."),
    "pull": ("medusa.inference.bundle.commands", "Download a bundle from the Hugging Face Hub."),
    "serve": (
        "medusa.inference.serve.serve_command",
        "Serve a trained model: one page, and a JSON API.",
    ),
    "report": ("medusa.reports.report_command", "Write one self-contained HTML page about a run."),
}

# A group -> its commands that are defined in a room above it.
EXTRA_COMMANDS = {"cache": {"verify": "medusa.extract.verify_command"}}


# The order of the list in `medusa --help`: the first steps come first.
GROUPS = {
    "First steps, in this order": (
        *("doctor", "demo", "manifest", "extract", "baseline", "fit-head", "runs", "stack"),
        *("evaluate", "report", "predict"),
    ),
    "More about features": ("transcribe", "probe-layers", "plan", "cache", "verify"),
    "More experiments": (
        *("cross-validate", "run", "tables", "slurm", "matrix", "simulate", "import-checkpoint"),
    ),
    "More about results": ("compare", "stress", "card", "submit"),
    "Hand a model on": ("bundle", "serve", "export-onnx", "push", "pull"),
}


class LazyGroup(click.Group):
    """A click group that imports the module of a command only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in GROUPS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        if isinstance(command, click.Group):
            for name, module_name in EXTRA_COMMANDS.get(cmd_name, {}).items():
                command.add_command(getattr(importlib.import_module(module_name), name))
        command = with_next_step(cmd_name, command)
        if COMPLETING not in os.environ:
            return command
        from medusa.completion import with_completion

        return with_completion(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            hint = nearest(args[0], COMMANDS)
            raise click.UsageError(f"No such command {args[0]!r}{hint}; see `medusa --help`", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<17}", COMMANDS[name][1]) for name in names])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="MEDUSA_WORKSPACE",
    default=Path(),
    help="The folder of the corpus, features and runs.  [default: the current folder; env: "
    "MEDUSA_WORKSPACE]",
)
@click.version_option(package_name="medusa-ser", prog_name="medusa")
@click.pass_context
def medusa(ctx: click.Context, workspace: Path) -> None:
    """Speech emotion recognition in two phases: extract once, train fast."""
    ctx.obj = workspace
    ctx.with_resource(show_progress())


def main() -> None:
    """Run the command line; an error that the user can mend becomes one message."""
    # Threads that spin while they wait make a shared machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # A stream need not have all signs of a result.
    try:
        sys.exit(medusa.main(standalone_mode=False))
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except click.Abort:  # Ctrl-C
        print("medusa: stopped; run the same command again to continue", file=sys.stderr)
        _leave(130)
    except MedusaError as problem:
        print(f"medusa: {visible(str(problem))}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # `medusa ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        remedy = REMEDIES.get(problem.errno or 0, CHECK_PATH)
        reason = problem.strerror or reason_of(problem)
        print(f"medusa: {where}{reason}; {remedy}", file=sys.stderr)
        sys.exit(1)


def _leave(code: int) -> NoReturn:
    """Exit without waiting for the threads of `extract/passes/stream.py`, which may be busy."""
    if any(thread.name.startswith("prefetch") for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
