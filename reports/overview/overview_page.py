"""The page that shows many heads: a table that sorts by settings and by scores."""

from collections.abc import Sequence
from pathlib import Path

from medusa.atomic import write_text
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.reports.overview.head_rows import head_rows
from medusa.reports.templates import template


def write_overview(title: str, runs: Sequence[RunDir], manifest: Manifest, output: Path) -> None:
    """Write the page about finished heads.

    Args:
        title: the heading, such as the name of a recipe.
        runs: the heads.
        manifest: the manifest on which they were trained.
        output: the file; an existing file is replaced.

    Raises:
        RunError: a run is not finished, or the manifest has changed since its training.
    """
    page = template("overview.html.j2").render(title=title, table=head_rows(runs, manifest))
    write_text(output, page)
