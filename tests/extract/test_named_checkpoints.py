"""The checkpoints of `medusa.yaml` are those of every command that reads weights."""

from collections.abc import Callable
from pathlib import Path

from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.planning import plan_jobs
from medusa.manifests import Manifest
from medusa.recipes.definition.recipe import Feature
from medusa.recipes.extraction import extraction_options
from medusa.tests.command_line import call
from medusa.workspace import Workspace


def test_checkpoints_are_named_one_time(
    workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    workspace([16000])
    paths = {"wavlm": str(checkpoint("wavlm")), "whisper": str(checkpoint("whisper.pt"))}
    lines = "".join(f"  {name}: {path}\n" for name, path in paths.items())
    (tmp_path / "medusa.yaml").write_text(f"checkpoints:\n{lines}")
    opened = Workspace.open(tmp_path)
    jobs = plan_jobs(opened, list(paths), ExtractionOptions(layers="last"))
    assert [job.backbone.source for job in jobs] == list(paths.values())
    other = ExtractionOptions(checkpoint=str(checkpoint("hubert")), layers="last")
    assert plan_jobs(opened, ["wavlm"], other)[0].backbone.source == other.checkpoint
    assert extraction_options(opened, "wavlm", Feature()).checkpoint == paths["wavlm"]
    renamed = extraction_options(opened, "w2", Feature(backbone="wavlm"))
    assert (renamed.checkpoint, renamed.label) == (paths["wavlm"], "w2")
    shown = call(tmp_path, "plan", "--backbone", "wavlm,whisper")
    assert "not at hand" not in shown.stderr
