"""Damaged bundles whose checksums agree, as their sender can write them: a model or a sentence."""

import shutil
from pathlib import Path

import medusa
from medusa.inference.bundle.layout import SUMS
from medusa.tests.fuzz.judge import each_seed, judged_inside
from medusa.tests.fuzz.mutate import one_damaged
from medusa.tests.inference.bundle.conftest import bundled, whisper
from medusa.tests.inference.bundle.test_hostile_bundles import resealed
from medusa.tests.inference.conftest import clips, trained

__all__ = ["bundled", "clips", "trained", "whisper"]  # fixtures


def test_damaged_bundles(
    bundled: Path, clips: list[Path], whisper: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "inside" / "copy"
    shutil.copytree(bundled, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [path for path in files if path.stat().st_size < 1 << 16 or path.name == SUMS]

    def act() -> None:
        medusa.load(folder, checkpoints=whisper)

    for seed in one_damaged(files, each_seed(60, 6.0)):
        if seed % 4:
            resealed(folder)
        judged_inside(tmp_path, folder, act)
    resealed(folder)
    assert len(medusa.load(folder, checkpoints=whisper).predict(clips[:1])) == 1
