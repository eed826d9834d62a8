"""A manifest is changed by one process at a time."""

from pathlib import Path

import pandas as pd
import pytest

from medusa import lock
from medusa.lock import locked
from medusa.manifests import LabelScheme, Manifest, write_changed
from medusa.tests.command_line import call, invoke

CHANGES = {
    "split": ["split", "random"],
    "own split": ["split", "corpus"],
    "relabel": ["relabel", "--classes", "a+b=c,d"],
    "merge": ["merge", "x=other.parquet", "--force"],
    "import": ["import", "csv", "table.csv", "--force"],
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(write_changed, "SHORT_S", 0.0)
    monkeypatch.setattr(lock, "A_MOMENT_S", 0.0)
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"id": [f"u{i}" for i in range(12)]})
    frame["speaker"] = [f"s{i % 6}" for i in range(12)]
    frame["label"] = ["a", "b", "d"] * 4
    for name in ("manifest", "other"):
        Manifest(frame, LabelScheme("toy", ("a", "b", "d"))).write(tmp_path / f"{name}.parquet")
    (tmp_path / "table.csv").write_text("id,text,label,speaker\nu0,hello,a,s0\nu1,there,b,s1\n")
    return tmp_path


@pytest.mark.parametrize("name", CHANGES)
def test_a_second_change_is_refused_in_one_sentence(home: Path, name: str) -> None:
    before = (home / "manifest.parquet").read_bytes()
    with locked(home / "manifest.parquet", "testing"):
        result = invoke(home, "manifest", *CHANGES[name])
    said = str(result.exception)
    assert "manifest.parquet: another process is changing this manifest; wait" in said
    assert "\n" not in said and (home / "manifest.parquet").read_bytes() == before
    if name != "own split":  # This corpus has no partition of its own.
        call(home, "manifest", *CHANGES[name])
        assert (home / "manifest.parquet").read_bytes() != before
