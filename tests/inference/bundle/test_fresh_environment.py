"""A bundle in an environment that has only the wheel of this tree, without the workspace."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import medusa

TREE = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(
    "MEDUSA_LONG_TESTS" not in os.environ, reason="MEDUSA_LONG_TESTS is not set"
)


def test_the_same_predictions_in_a_fresh_environment(
    trained: Path, bundled: Path, whisper: dict[str, str], clips: list[Path], tmp_path: Path
) -> None:
    expected = medusa.load(trained / "runs" / "s").predict(clips)
    environment, elsewhere = tmp_path / "environment", tmp_path / "elsewhere"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    wheels = ["wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(TREE)]
    subprocess.run([*pip, *wheels], check=True)
    (wheel,) = tmp_path.glob("medusa_ser-*.whl")
    for what in ("torch", str(wheel)):  # Torch comes first, as in the Makefile.
        words = ["install", "--quiet", "-c", str(TREE / "constraints.txt"), what]
        subprocess.run([*pip, *words], check=True)
    copied = Path(shutil.copytree(bundled, elsewhere / "copied"))
    moved = shutil.copy(whisper["whisper"], elsewhere / "moved.pt")
    hidden = ("PYTHONPATH", "MEDUSA_WORKSPACE")
    plain = {name: value for name, value in os.environ.items() if name not in hidden}
    command = [str(environment / "bin" / "medusa"), "predict", str(copied), *map(str, clips)]
    command += ["-o", "out.csv", "--set", f"whisper={moved}"]
    subprocess.run(command, cwd=elsewhere, env=plain, check=True)
    found = pd.read_csv(elsewhere / "out.csv")
    names = [name for name in expected if name.startswith("p_")]
    assert np.abs(found[names].to_numpy() - expected[names].to_numpy()).max() < 1e-5
    assert found["label"].tolist() == expected["label"].tolist()
