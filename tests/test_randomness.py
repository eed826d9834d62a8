"""Every use of randomness has a stream of its own, which docs/contracts.md lists."""

import ast
import itertools
import re
from pathlib import Path

import numpy as np
import torch

from medusa.randomness import random_stream, seed_for
from medusa.tests.house import ROOT, production_files

OWN = {"random_stream", "seed_for"}
# Whisper's sampling is seeded by the clip, so that its text does not depend on a seed.
SEEDED_BY_THE_CLIP = "extract/transcription/decoder.py"


def calls(path: Path) -> "list[tuple[str, ast.Call]]":
    """Return the calls of a file with the last part of the name of what is called."""
    found = [
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if type(node) is ast.Call
    ]
    return [(ast.unparse(node.func).rpartition(".")[2], node) for node in found]


def every_call(*names: str) -> "list[tuple[str, ast.Call]]":
    files = (path for path in production_files() if path.name != "randomness.py")
    return [
        (path.relative_to(ROOT).as_posix(), node)
        for path in files
        for name, node in calls(path)
        if name in names
    ]


def uses() -> list[str]:
    found = [node.args[1] for _, node in every_call(*OWN)]
    assert all(isinstance(use, ast.Constant) and isinstance(use.value, str) for use in found)
    return [use.value for use in found]  # type: ignore[attr-defined]


def test_every_random_number_of_the_package_comes_from_a_named_stream():
    forbidden = ("default_rng", "SeedSequence", "RandomState", "Random")
    assert [f"{path}: {ast.unparse(node)}" for path, node in every_call(*forbidden)] == []
    seeds = every_call("manual_seed")
    assert len(seeds) > 3
    for path, node in seeds:
        assert path == SEEDED_BY_THE_CLIP or ast.unparse(node.args[0]).startswith("seed_for("), path
    states = [
        (path, keyword.value)
        for path in production_files()
        for _, node in calls(path)
        for keyword in node.keywords
        if keyword.arg == "random_state"
    ]
    assert len(states) == 3
    assert [path for path, value in states if not ast.unparse(value).startswith("seed_for(")] == []


def test_only_splits_and_folds_have_the_first_stream():
    callers = [path for path, _ in every_call("split_stream")]
    assert callers == ["manifests/splits/by_share.py"] * 2 + ["manifests/splits/folds.py"]


def test_every_name_of_a_stream_occurs_one_time():
    names = uses()
    assert len(names) > 20
    assert sorted(names) == sorted(set(names))


def test_the_contracts_list_every_stream():
    page = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
    section = page.split("## Random numbers\n")[1].split("\n## ")[0]
    assert sorted(re.findall(r"^\| `([^`]+)`", section, re.M)) == sorted(uses())


def test_no_two_streams_draw_the_same_numbers():
    """Streams of short seeds, of every name and of every position differ in their first number."""
    places = [(), (0,), (0, 0), (1,), (1, 0), (10,)]
    keys = list(itertools.product(range(3), uses(), places))
    first = [int(random_stream(seed, use, *at).integers(2**63)) for seed, use, at in keys]
    assert len(set(first)) == len(keys)
    seeds = {seed_for(seed, use, *at) for seed, use, at in keys}
    assert len(seeds) == len(keys)
    assert max(seeds) < 2**32
    assert random_stream(12, "a", 3).random() != random_stream(1, "a", 23).random()


def test_numpy_seeds_that_are_lists_collide():
    """This is why streams have names: epoch 0 of stage 1 had the numbers of step 1."""
    assert np.random.default_rng([5, 1, 0]).random() == np.random.default_rng([5, 1]).random()
    order = random_stream(5, "batches", 1, 0).permutation(100)
    assert (order != random_stream(5, "mixup", 1).permutation(100)).any()


def test_a_stream_is_repeatable_and_seeds_pytorch():
    """The first number was computed with hashlib and NumPy alone."""
    import hashlib

    digest = hashlib.sha256(b"mixup/7/41").digest()[:16]
    rng = np.random.default_rng(int.from_bytes(digest, "little"))
    assert random_stream(7, "mixup", 41).random() == rng.random()
    one, two = (torch.Generator().manual_seed(seed_for(2, "dropout", 9)) for _ in range(2))
    assert torch.equal(torch.rand(5, generator=one), torch.rand(5, generator=two))
