"""The API for other projects, and what `medusa cache` tells."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from medusa.cache import FeatureSpec, StoreWriter, open
from medusa.errors import StoreError
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.texts import content_of
from medusa.tests.command_line import call


@pytest.fixture
def workspace(tmp_path):
    frame = pd.DataFrame(
        {"id": ["u2", "u1", "u3"], "content": ["b", "a", "c"], "text": ["two", "one", "two"]}
    )
    Manifest(frame, LabelScheme("toy", ("x", "y"))).write(tmp_path / "manifest.parquet")
    make(tmp_path, "audio", {"a": 1.0, "b": 2.0}, 0.02)
    make(tmp_path, "text", {content_of("one"): 3.0, content_of("two"): 4.0}, None)
    return tmp_path


def make(root, kind, values, shift):
    spec = FeatureSpec(kind, "toy", "local", "1", kind, (1,), "none", "float16", 2, shift, {})
    with StoreWriter(root / "features" / spec.folder, spec, {"made": "by hand"}) as writer:
        for content, value in values.items():
            writer.append(content, np.full((1, 3, 2), value, np.float32), ["padded"])


def store(workspace, kind):
    return next((workspace / "features").glob(f"{kind}-*.zarr"))


def test_by_utterance_id(workspace):
    view = open(store(workspace, "audio"), workspace / "manifest.parquet")
    assert view.ids == ["u2", "u1"] and "u3" not in view
    assert torch.equal(view["u1"], torch.full((3, 2), 1.0, dtype=torch.float16))
    assert view[["u2", "u1"]].values[:, 0].tolist() == [2, 2, 2, 1, 1, 1]
    with pytest.raises(StoreError, match="u3"):
        view[["u1", "u3"]]


def test_int8_features_are_numbers_one_or_several(tmp_path):
    given = np.random.default_rng(0).normal(3, 0.5, (1, 5, 4)).astype(np.float32)
    spec = FeatureSpec("toy", "toy", "local", "1", "audio", (1,), "none", "int8", 4, 0.02, {})
    with StoreWriter(tmp_path / "s.zarr", spec) as writer:
        writer.append("a", given[:, :2])
        writer.append("b", given[:, 2:])
    both = open(tmp_path / "s.zarr")[["a", "b"]]
    expected = torch.from_numpy(given[0])
    torch.testing.assert_close(both.values, expected, rtol=0, atol=0.02)
    torch.testing.assert_close(torch.cat(both.split()), expected, rtol=0, atol=0.02)
    torch.testing.assert_close(both.pad()[0][1], expected[2:], rtol=0, atol=0.02)


def test_text_features_follow_the_text(workspace):
    view = open(store(workspace, "text"), workspace / "manifest.parquet")
    assert [view[name][0, 0].item() for name in ("u1", "u2", "u3")] == [3, 4, 4]


def test_without_a_manifest_ids_are_contents(workspace):
    assert open(store(workspace, "audio")).ids == ["a", "b"]


def run(workspace, *arguments):
    return call(workspace, "cache", *arguments).stdout


def test_info_tells_spec_size_flags_and_error(workspace):
    facts = json.loads(run(workspace, "info", "audio", "--json"))
    assert facts["utterances"] == 2 and facts["frames"] == 6 and facts["flags"] == {"padded": 2}
    assert facts["provenance"] == {"made": "by hand"} and facts["rounding_error"] == 0
    assert "rounding_error" in run(workspace, "info", "audio")
    with pytest.raises(StoreError, match="did you mean"):
        run(workspace, "info", "audi-")


def test_ls_and_verify(workspace):
    listed = json.loads(run(workspace, "ls", "--json"))
    assert [facts["utterances"] for facts in listed] == [2, 2]
    assert "audio-" in run(workspace, "ls")
    run(workspace, "verify")
    path = store(workspace, "text") / "layer_1" / "c" / "0" / "0"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(StoreError, match="checksum differs"):
        run(workspace, "verify")
