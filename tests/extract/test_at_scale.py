"""`medusa plan` for a corpus that does not exist yet."""

import json
from pathlib import Path

import pytest

from medusa.tests.command_line import call

SIZE = ("--utterances", "10000", "--hours", "14")


def test_the_plan_of_a_large_corpus_has_its_requests_and_units(tmp_path: Path) -> None:
    words = ("plan", "--backbone", "logmel", *SIZE)
    facts = json.loads(call(tmp_path, *words, "--json").stdout)
    (frames,) = [row["frames"] for row in facts["arrays"] if row["array"] != "index"]
    (stored,) = [row["bytes"] for row in facts["arrays"] if row["array"] != "index"]
    scale = facts["scale"]
    shards = -(-frames // 32_768)
    assert scale["requests_to_write"] == -(-stored // 2**24) + 4 * shards
    assert scale["requests_to_read"] == -(-stored // 2**23) + shards
    assert scale["terabyte_months"] == pytest.approx(facts["bytes"] / 1e12)
    assert scale["device_hours"] == pytest.approx(facts["hours"]["logmel"])
    printed = call(tmp_path, *words).stdout
    assert "0.00 GB of memory" in printed and f"{scale['requests_to_write']:,} requests" in printed
