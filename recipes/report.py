"""The report of a recipe's main ensemble, and the overview of its heads."""

from collections.abc import Iterable
from pathlib import Path

from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import SUMMARY, find_run
from medusa.manifests import Manifest
from medusa.reports.overview.overview_page import write_overview
from medusa.reports.page import write_report
from medusa.workspace import Workspace


def write_main_report(workspace: Workspace, run: str, path: Path) -> str:
    """Write the report of a run, and return the reason if that fails; no run has no report."""
    if not run:
        return ""
    try:
        stack = find_run(workspace.runs, run)
        split = stack.read_json(SUMMARY)["split"]  # dev, if test has no labels
        manifest = Manifest.read(workspace.manifest)
        write_report(stack, manifest, path, split, workspace.transcripts)
    except MedusaError as problem:
        return str(problem)
    return ""


def write_heads_overview(workspace: Workspace, title: str, names: Iterable[str], path: Path) -> str:
    """Write the overview of the heads, and return the reason if that fails; no heads have none."""
    if not (wanted := list(dict.fromkeys(names))):
        return ""
    try:
        runs = [find_run(workspace.runs, name) for name in wanted]
        write_overview(title, runs, Manifest.read(workspace.manifest), path)
    except MedusaError as problem:
        return str(problem)
    return ""
