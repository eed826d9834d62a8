"""Whatever bit of a finished workspace flips, `verify` finds it, and no result changes."""

import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

import medusa
from medusa.cache import open_all
from medusa.errors import MedusaError
from medusa.extract.inputs.utterances import Utterance
from medusa.extract.transcription.decoder import Transcript
from medusa.extract.transcription.table import TranscriptTable
from medusa.heads.runs.run_dir import RunDir, all_runs
from medusa.manifests import Manifest
from medusa.manifests.texts import read_record, read_transcripts
from medusa.recipes.state import State
from medusa.recipes.verification.files import MARKS
from medusa.seal import read_sealed_json, write_sealed_json
from medusa.tests.command_line import call, invoke
from medusa.tests.counts import count
from medusa.workspace import Workspace

FLIPS = count("MEDUSA_FLIPS", 40, 2000)
# The user's file, and a page that no command reads.
NOT_SEALED = ("toy.yaml", "cross-validation/speaker-2/heads/report.html")
TINY = ["head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1"]
HEAD = ["fit-head", "--config", "small", "--name", "folds", "--device", "cpu"]
FOLDS = [*TINY, "train.folds=2"]


@pytest.fixture
def finished(home: Path) -> Path:
    """A workspace with a recipe, a head with folds, a stack, and a table of transcripts."""
    call(home, "run", home / "toy.yaml", "--device", "cpu")
    call(home, *HEAD, *(word for one in FOLDS for word in ("--set", one)))
    call(home, "stack", "folds", "--name", "s", "--method", "soft")
    call(home, "cross-validate", "--k", "2", "--set", "head.name=logistic", "--device", "cpu")
    for name in MARKS:
        write_sealed_json(home / name, {"asked": {"seed": 0}})
    table = TranscriptTable(home / "transcripts/words.parquet", {"checkpoint": "tiny"})
    frame = Manifest.read(home / "manifest.parquet").frame
    spoken = [Utterance(id, content, "", 1.0) for id, content in zip(frame["id"], frame["content"])]  # noqa: B905
    for one in spoken:
        table.add(one.content, Transcript(f"I am {one.id}", "en", -0.2, 0.0, 1.0))
    table.write(spoken)
    return home


def states(root: Path) -> dict[str, str]:
    return {one.name: one.state for one in medusa.verify(Workspace.open(root))}


def results(root: Path) -> list[object]:
    """Return everything that a later command may read, as plain values."""
    workspace = Workspace.open(root)
    found: list[object] = [Manifest.read(workspace.manifest).digest()]
    found += [read_transcripts(path).to_json() for path in workspace.transcripts.glob("*.parquet")]
    found += [read_record(path) for path in workspace.transcripts.glob("*.json")]
    made = [root / name for name in MARKS] + [*root.glob("cross-validation/*/folds.json")]
    made += root.glob("cross-validation/*/*/result.json")
    found += [read_sealed_json(path, "") for path in made]
    for run in all_runs(workspace.runs):
        found += [run.config(), run.metrics(), run.read_json("summary.json")]
        found.append(run.predictions().frame.to_json())
        if (run.path / "weights.safetensors").exists():
            arrays = load_file(run.file("weights.safetensors"))
            found.append({name: values.tolist() for name, values in arrays.items()})
    found.append(State.read(workspace, "toy", tiny=False).tables)
    for store in open_all(workspace.features):
        contents = list(store.index.rows)
        found.append(store.read(contents).values.tolist())
    return found


def test_every_flipped_bit_is_found_and_changes_no_result_unnoticed(finished: Path) -> None:
    straight, whole_states = results(finished), states(finished)
    assert set(whole_states.values()) == {"ok"} and len(whole_states) > 10
    files = [path for path in finished.rglob("*") if path.is_file() and path.stat().st_size]
    files = [path for path in files if path.suffix != ".lock"]
    files = [path for path in files if str(path.relative_to(finished)) not in NOT_SEALED]
    rng = np.random.default_rng(int(os.environ.get("MEDUSA_SEED", "0")))
    kinds = sorted({path.suffix + path.name[:4] for path in files})
    for number in range(FLIPS):
        kind = kinds[number % len(kinds)]
        path = rng.choice([str(one) for one in files if one.suffix + one.name[:4] == kind])
        whole = Path(path).read_bytes()
        flipped, position = bytearray(whole), int(rng.integers(len(whole)))
        flipped[position] ^= 1 << int(rng.integers(8))
        Path(path).write_bytes(flipped)
        assert "damaged" in states(finished).values(), f"{path} byte {position}"
        with suppress(MedusaError):
            assert results(finished) == straight, f"{path} byte {position}"
        Path(path).write_bytes(whole)
    assert states(finished) == whole_states


def test_the_command_prints_a_line_for_each_and_fails_on_damage(finished: Path) -> None:
    result = invoke(finished, "verify")
    assert result.exit_code == 0 and "runs/folds: ok" in result.stdout
    other = (finished / "runs/s/predictions.parquet").read_bytes()
    (finished / "runs/folds/fold-0/predictions.parquet").write_bytes(other)
    run = RunDir(finished / "runs/s").path
    (run / "finished").write_text("")
    (finished / "recipes/toy/tables.md").write_text("0.999")
    (finished / "runs/begun").mkdir()
    result = invoke(finished, "verify", "--json")
    assert result.exit_code == 1
    problem = str(result.exception)
    assert problem.startswith("2 things are damaged:\n  ") and "tables.md: missing" in problem
    assert "fold-0/predictions.parquet: expected the file" in problem and "--force" in problem
    listed = {one["name"]: one["state"] for one in json.loads(result.stdout)}
    assert listed["runs/folds"] == listed["recipes/toy"] == "damaged"
    assert listed["runs/s"] == "no seal" and listed["runs/begun"] == "unfinished"
    assert listed["manifest.parquet"] == "ok"


def test_a_table_of_the_user_is_no_damage_and_a_cut_table_is(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["a"]}).to_parquet(tmp_path / "notes.parquet")
    assert call(tmp_path, "verify").exit_code == 0
    whole = (tmp_path / "notes.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-9])
    result = invoke(tmp_path, "verify")
    assert result.exit_code == 1 and "cut.parquet" in str(result.exception)


def test_an_empty_workspace_has_nothing_to_verify(tmp_path: Path) -> None:
    result = invoke(tmp_path, "verify")
    assert result.exit_code == 0 and "nothing to verify" in result.stderr
