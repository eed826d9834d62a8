"""`medusa submit`: write the predictions of a run as files for the challenge, or check a file."""

from pathlib import Path

import click

from medusa.errors import RunError
from medusa.options import force_option


@click.command()
@click.argument("run", required=False)
@click.option(
    "--task",
    type=click.Choice(["1", "2", "both"]),
    default="both",
    show_default=True,
    help="Task 1 needs classes. Task 2 needs arousal, valence and dominance.",
)
@click.option(
    "--split",
    "split_name",
    default="Test3",
    show_default=True,
    help="The split of the manifest whose predictions are submitted.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder for task1.csv and task2.csv.  [default: the current folder]",
)
@click.option(
    "--check",
    "existing",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check this file, and write nothing.",
)
@force_option("Replace existing files.")
@click.pass_obj  # fmt: skip
def submit(
    root: Path,
    run: str | None,
    task: str,
    split_name: str,
    output: Path,
    existing: Path | None,
    force: bool,
) -> None:
    """Write the predictions of RUN as submissions to Task 1 and Task 2 of the challenge.

    The run must predict each of the 3,200 test recordings once. `--check FILE` checks an existing
    file and prints its task.
    """
    from medusa.console import say
    from medusa.heads.runs.run_dir import find_run
    from medusa.reports import submit as files
    from medusa.workspace import Workspace

    names = files.expected_names()
    if existing is not None:
        number = files.check(existing, names)
        say(f"{existing}: a submission to Task {number}, {len(names)} recordings")
        return
    if run is None:
        raise click.UsageError("name a RUN, or a file with --check FILE")
    predictions = find_run(Workspace.open(root).runs, run).predictions().split(split_name)
    texts = {
        output / f"task{one}.csv": files.submission(predictions, one, names)
        for one in ((1, 2) if task == "both" else (int(task),))
    }
    for path, text in texts.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            say(f"{path}: already written; nothing to do")
        elif path.exists() and not force:
            raise RunError(f"{path}: this file has another submission; replace it with --force")
        else:
            files.write(path, text, names)
            say(f"wrote {path}: {len(names)} recordings")
