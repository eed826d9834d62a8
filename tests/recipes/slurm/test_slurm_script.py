"""The script of `medusa slurm` runs with a stub of sbatch, and does what `medusa run` does."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import medusa
from medusa.cache import FeatureStore
from medusa.errors import ConfigError
from medusa.tests.command_line import call, invoke

RECIPE = """
title: A head on spectra
source: nobody's publication
config: small
features:
  logmel: {}
heads:
  linear: {features: [logmel], set: {head.name: logistic}}
  discriminant: {features: [logmel], set: {head.name: discriminant}}
stacks:
  vote: {method: soft}
main: vote
"""
# It runs a job at once, each task of an array with its number, and logs dependencies and tasks.
SBATCH = """#!/bin/bash
set -e
tasks=1
for word in "$@"; do case "$word" in
    --array=0-*) tasks=$((${word#--array=0-} + 1)) ;;
    --dependency=*) echo "after ${word#--dependency=afterok:}" >> "$JOBS" ;;
    --job-name=*) echo "${word#--job-name=}" >> "$JOBS" ;;
    --comment=*) echo "$word" >> "$JOBS" ;;
esac; done
script=$(cat)
for ((task = 0; task < tasks; task++)); do
    if ((tasks > 1)); then
        export SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=$tasks SLURM_ARRAY_TASK_MIN=0
    fi
    bash -c "$script" >&2
done
echo "$(wc -l < "$JOBS");cluster"
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Return a workspace with 60 short recordings of 10 speakers and the recipe."""
    folder, rng = tmp_path / "a folder", np.random.default_rng(0)
    folder.mkdir()
    (folder / "wav").mkdir()
    for number in range(60):
        tone = np.sin(np.arange(16000 + 40 * number) * (0.05 + 0.1 * (number % 2)))
        noise = 0.1 * rng.normal(size=len(tone))
        soundfile.write(folder / f"wav/{number}.wav", 0.3 * tone + noise, 16_000)
    rows = [f"{n},wav/{n}.wav,{['low', 'high'][n % 2]},s{n // 6}" for n in range(60)]
    (folder / "rows.csv").write_text("\n".join(["id,path,label,speaker", *rows]) + "\n")
    call(folder, "manifest", "import", "csv", folder / "rows.csv")
    call(folder, "manifest", "split", "random", "--by", "speaker")
    (folder / "toy.yaml").write_text(RECIPE)
    return folder


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_the_jobs_run_in_order_and_finish_the_recipe(tmp_path: Path, corpus: Path) -> None:
    words = ["slurm", corpus / "toy.yaml", "--shards", "2", "--sbatch", "--comment='a b'"]
    script = call(corpus, *words).stdout
    (tmp_path / "job.sh").write_text(script)
    subprocess.run(["bash", "-n", tmp_path / "job.sh"], check=True)
    program(tmp_path / "bin/sbatch", SBATCH)
    program(tmp_path / "bin/medusa", f'#!/bin/bash\nexec {sys.executable} -m medusa.cli "$@"\n')
    environment = os.environ | {"JOBS": str(tmp_path / "jobs"), "OMP_NUM_THREADS": "1"}
    environment["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "job.sh"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    names = [f"toy-{step}" for step in ("extract", "fit", "stack", "report")]
    logged = (tmp_path / "jobs").read_text().splitlines()
    comment = "--comment=a b"
    assert logged == [
        names[0], comment, names[1], comment, "after 2", names[2], comment, "after 5", names[3],
        comment, "after 8",
    ]  # fmt: skip
    (store,) = (corpus / "features").iterdir()
    assert len(FeatureStore.open(store)) == 60
    assert len(FeatureStore.open(store).used) == 2  # one shard of each task
    assert "share 0/2" in done.stderr and "share 1/2" in done.stderr
    assert call(corpus, "run", corpus / "toy.yaml").stderr.count("finished already") == 2
    assert (corpus / "recipes/toy/tables.md").read_text().count("|") > 8
    assert (corpus / "recipes/toy/report.html").exists()


def test_the_options_of_every_feature_are_in_the_script(tmp_path: Path) -> None:
    script = medusa.slurm_script(medusa.Workspace.open(tmp_path), "small-corpus-text", 8)
    lines = [shlex.split(line) for line in script.splitlines() if " extract " in line]
    chosen = [words[words.index("extract") :] for words in lines]
    assert ["extract", "--backbone", "logmel"] in chosen
    whisper = ["extract", "--backbone", "whisper", "--layers", "middle", "--reduce", "none"]
    assert whisper in chosen
    assert not [words for words in chosen if "roberta" in words]  # `medusa run` reads texts
    assert "--array=0-7" in script and "--array" not in script.split("fit=$(")[1]


def test_mistakes_are_found_before_a_job_is_submitted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="close the quote"):
        medusa.slurm_script(medusa.Workspace.open(tmp_path), "small-corpus", 2, "--comment='a")
    assert invoke(tmp_path, "slurm", "no-such-recipe").exception is not None
