"""One self-contained HTML page about a run."""

from pathlib import Path

from medusa.atomic import write_text
from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import RunDir, find_run
from medusa.manifests import Manifest
from medusa.reports.judged_run import judge_run
from medusa.reports.render import render, render_tables
from medusa.reports.slices import run_slices
from medusa.reports.utterances.split_rows import split_rows
from medusa.workspace import Workspace

ENDINGS = {"html": ".html", "markdown": ".md", "latex": ".tex"}


def report(
    workspace: Workspace,
    run: str,
    output: Path | None = None,
    *,
    split: str = "test",
    form: str = "html",
    with_audio: bool = False,
    with_snr: bool = False,
) -> Path:
    """Write one self-contained HTML page about a finished run, or its tables; return the path.

    Args:
        workspace: the folder with the run and its manifest.
        run: the name of the run.
        output: the file; by default `RUN.html`, `RUN.md` or `RUN.tex` in the workspace.
        split: the split to judge on.
        form: `html`, or `markdown` or `latex` for the tables alone.
        with_audio: embed the recordings of the utterances that the page shows one by one.
        with_snr: judge groups by signal-to-noise ratio, too; this reads every recording.

    Raises:
        RunError: the run does not exist, is not finished, or does not predict the split.
        MedusaError: the file cannot be written.
    """
    finished = find_run(workspace.runs, run)
    output = output or workspace.root / f"{finished.name}{ENDINGS[form]}"
    manifest = Manifest.read(workspace.manifest)
    write_report(
        finished, manifest, output, split, workspace.transcripts, with_audio, form, with_snr
    )
    return output


def write_report(
    run: RunDir,
    manifest: Manifest,
    output: Path,
    split: str = "test",
    transcripts: Path | None = None,
    with_audio: bool = False,
    form: str = "html",
    with_snr: bool = False,
) -> None:
    """Judge a run and write its page, as a whole or not at all.

    Args:
        run: a finished head or stack.
        manifest: the manifest on which it was trained.
        output: the file; an existing file is replaced.
        split: the split to judge on.
        transcripts: the folder with the tables of transcripts, if there is one.
        with_audio: embed the recordings of the utterances that the page shows one by one.
        form: a key of `ENDINGS`.
        with_snr: judge groups by signal-to-noise ratio, too; this reads every recording.

    Raises:
        MedusaError: the folder of the output does not exist, or the output is a folder.
        RunError: see `judge_run`.
    """
    if output.is_dir():
        raise MedusaError(
            f"{output}: expected a file, found a folder; name a file, such as "
            f"{output / 'report.html'}"
        )
    if not output.parent.is_dir():
        raise MedusaError(f"{output.parent}: no such folder; make it, or choose another -o")
    result = judge_run(run, manifest, split)
    rows = split_rows(run, manifest, split, transcripts)
    result["slices"] = run_slices(rows, with_snr)
    if form == "html":
        write_text(output, render(run, result, rows, with_audio))
    else:
        write_text(output, render_tables(result, form))
