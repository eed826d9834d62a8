"""The page on fidelity: every family within its limits, now and in the committed table."""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fidelity() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield importlib.import_module("fidelity")
    sys.path.remove(str(ROOT / "benchmarks"))


@pytest.mark.parametrize(
    "name",
    (
        *(
            "wavlm",
            "hubert",
            "hubert-xlarge",
            "wav2vec2",
            "wav2vec2-group",
            "data2vec-audio",
            "whisper",
        ),
        *("roberta", "modernbert", "deberta", "bert"),
    ),
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:.*key_padding_mask", "ignore::ResourceWarning")
def test_every_layer_is_within_the_limits(name: str, fidelity: Any, tmp_path: Path) -> None:
    path = fidelity.checkpoints.write(name, tmp_path, "tiny")
    for way, shares in fidelity.gaps(name, path).items():
        assert len(shares) == (13 if name == "hubert-xlarge" else 5)
        assert max(shares) <= fidelity.LIMITS[way.split()[0]], way
        if way.startswith("bf16"):
            assert max(shares) > 1e-4  # else it was float32 that ran


def test_the_page_holds_every_family_within_the_limits(fidelity: Any) -> None:
    page = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    names = re.findall(r"^## (\S+)", page, re.MULTILINE)
    assert {*fidelity.checkpoints.SPEECH, *fidelity.checkpoints.TEXT, "whisper"} <= set(names)
    rows = re.findall(r"^\| \d+ \|(.*)\|$", page, re.MULTILINE)
    assert len(rows) >= 5 * len(names)
    for row in rows:
        exact, batched, half, half_batched = (float(cell) for cell in row.split("|"))
        assert max(exact, batched) <= fidelity.LIMITS["fp32"]
        assert max(half, half_batched) <= fidelity.LIMITS["bf16"]


def test_a_clip_of_a_minute_beside_a_short_one(fidelity: Any, tmp_path: Path) -> None:
    fidelity.LONGEST["hubert"] = 60.0
    seconds, gap = fidelity.long_gap(
        "hubert", fidelity.checkpoints.write("hubert", tmp_path, "tiny")
    )
    assert seconds == 60.0 and gap <= fidelity.LIMITS["fp32"]
