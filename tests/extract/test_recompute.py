"""`medusa cache verify --recompute`: stored features against the model, once more."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medusa.cache import FeatureStore, StoreWriter
from medusa.errors import MedusaError, StoreError
from medusa.extract.passes.recompute import recompute
from medusa.tests.command_line import call
from medusa.tests.extract.running import extract, plan_jobs
from medusa.workspace import Workspace


@pytest.fixture
def extracted(
    tmp_path: Path, workspace: Callable[..., object], checkpoint: Callable[[str], Path]
) -> Path:
    workspace((16000, 7001, 9000))
    model = str(checkpoint("wavlm"))
    call(tmp_path, "extract", "--backbone", "wavlm", "--checkpoint", model, "--set=dtype=float32")
    return tmp_path


def test_features_come_out_again(extracted: Path) -> None:
    out = call(extracted, "cache", "verify", "--recompute", "9").stdout
    match = re.search(r"3 utterances computed again, largest difference (\S+) ", out)
    assert match and float(match[1]) < 1e-5


def test_another_number_in_the_store_is_found(extracted: Path, tmp_path: Path) -> None:
    (path,) = (extracted / "features").iterdir()
    old = FeatureStore.open(path)
    with StoreWriter(tmp_path / "new", old.spec, {"source": "x"}) as writer:
        for number, content in enumerate(old.index.rows):
            values = old.read([content]).values.numpy().copy()
            values[0, 0] += 0.5 if number == 1 else 0
            writer.append(content, np.asarray(values)[None])
    shutil.copy(path / "provenance.json", tmp_path / "new" / "provenance.json")
    shutil.copy(path / "checksums.json", tmp_path / "new" / "checksums.json")
    shutil.rmtree(path)
    (tmp_path / "new").rename(path)
    out = call(extracted, "cache", "verify", "--recompute", "3").stdout
    match = re.search(r"largest difference (\S+) ", out)
    assert match and float(match[1]) == pytest.approx(0.5, abs=1e-3)


def test_other_weights_are_refused(extracted: Path, checkpoint: Callable[[str], Path]) -> None:
    other = str(checkpoint("wavlm-post"))
    with pytest.raises(StoreError, match=r"revision.*--checkpoint"):
        call(extracted, "cache", "verify", "--recompute", "1", "--checkpoint", other)


def test_features_with_another_name_come_out_again(
    tmp_path: Path, workspace: Callable[..., object], checkpoint: Callable[[str], Path]
) -> None:
    workspace((16000, 7001))
    for name, model in (("wavlm", "wavlm"), ("whisper", "whisper.pt")):
        given = [f"--backbone={name}", f"--checkpoint={checkpoint(model)}", f"--as=my-{name}"]
        call(tmp_path, "extract", *given, "--set=dtype=float32")
    call(tmp_path, "extract", "--backbone=logmel", "--as=mel", "--set=dtype=float32")
    out = call(tmp_path, "cache", "verify", "--recompute", "2").stdout
    found = re.findall(r"^(\S+)-\w+: 2 utt.* largest difference (\S+) ", out, re.MULTILINE)
    assert [name for name, _ in found] == ["mel", "my-wavlm", "my-whisper"]
    assert all(float(largest) < 1e-4 for _, largest in found)


def test_the_remedy_of_a_damaged_store_works(
    tmp_path: Path, workspace: Callable[..., object], checkpoint: Callable[[str], Path]
) -> None:
    """It is the command as it was given, and mends what is damaged."""
    workspace((16000, 7001))
    given = ["extract", "--backbone=wavlm", f"--checkpoint={checkpoint('wavlm')}", "--as=mine"]
    call(tmp_path, *given)
    call(tmp_path, "extract", "--backbone=logmel,logmel128")
    call(tmp_path, "extract", "--backbone=logmel", "--as=mel")
    folders = {path.name.rpartition("-")[0]: path for path in (tmp_path / "features").iterdir()}
    for name in ("mine", "mel"):
        (shard,) = (folders[name]).glob("*/c/0/0")
        shard.write_bytes(b"x" + shard.read_bytes()[1:])
    (folders["logmel"] / "spec.json").write_text("{")
    with pytest.raises(MedusaError, match="checksum differs") as caught:
        call(tmp_path, "cache", "verify")
    lines, remedy = str(caught.value).rsplit("original options: ", 1)
    assert all(str(folders[name]) in lines for name in ("mine", "mel", "logmel"))
    commands = remedy.split("; ")
    assert len(commands) == 3
    for command in commands:
        call(tmp_path, *command.split()[1:])
    call(tmp_path, "cache", "verify")
    assert set((tmp_path / "features").iterdir()) == set(folders.values())


@pytest.mark.parametrize("name", ["logmel", "egemaps", "egemaps-functionals"])
def test_signal_features_come_out_again(
    name: str, tmp_path: Path, workspace: Callable[..., Any]
) -> None:
    """They have a checkpoint and a revision of their own, which no hub knows."""
    workspace((16000, 7001))
    (job,) = plan_jobs(Workspace.open(tmp_path), [name], dtype="float32")
    assert not extract(job, "cpu", 10.0).problems
    store = FeatureStore.open(job.store)
    assert recompute(Workspace.open(tmp_path), store, 2, "cpu").largest < 1e-4
