"""A run or a stack of a workspace becomes one file, which predicts the run's own numbers."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import medusa
from medusa.cache import FeatureStore, Packed
from medusa.errors import RunError
from medusa.heads.runs.run_dir import RunDir
from medusa.inference.onnx import export
from medusa.inference.onnx.compare import run
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of, texts_of
from medusa.tests.command_line import call


def features_of(root: Path, entry: dict, ids: list[str]) -> Packed:
    """Read the features that an input needs, by the specification in the metadata alone."""
    frame = Manifest.read(root / "manifest.parquet").frame.set_index("id")
    (path,) = [one for one in (root / "features").iterdir() if same_spec(one, entry["spec"])]
    if entry["spec"]["input"] == "audio":
        names = frame.loc[ids, "content"].tolist()
    else:
        manifest = Manifest.read(root / "manifest.parquet")
        texts = texts_of(manifest, root / "transcripts", "words")[1]
        names = [content_of(texts[one]) for one in ids]
    return FeatureStore.open(path).read(names, entry["array"]).to("cpu", torch.float32)


def same_spec(path: Path, spec: dict) -> bool:
    return FeatureStore.open(path).spec.to_dict() == spec


@pytest.mark.parametrize("name", ["a", "b", "s"])
def test_the_file_predicts_the_numbers_of_the_run(trained: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.onnx"
    result = call(trained, "export-onnx", name, "-o", path)
    assert "differs from PyTorch by at most" in result.stdout
    session = onnxruntime.InferenceSession(path)
    known = session.get_modelmeta().custom_metadata_map
    metadata = {key: json.loads(value) for key, value in known.items()}
    stored = RunDir(trained / "runs" / name).predictions().split("test")
    assert tuple(metadata["medusa.classes"]) == stored.classes
    assert metadata["medusa.run"] == RunDir(trained / "runs" / name).digest()
    inputs = [features_of(trained, one, stored.ids) for one in metadata["medusa.inputs"]]
    assert len(inputs) == {"a": 2, "b": 1, "s": 3}[name]
    found = run(session, inputs)
    np.testing.assert_allclose(found["posteriors"], stored.posteriors(), atol=1e-4)
    np.testing.assert_allclose(found["logits"], stored.logits(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["attributes"], stored.attributes(), rtol=1e-4)
    onnx.checker.check_model(path)


def test_large_weights_lie_beside_the_file(trained, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(export, "LARGEST", 1000)
    model = medusa.load("b", workspace=trained)
    found = medusa.export_onnx(model, tmp_path / "model.onnx")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert found.difference < 1e-4 and found.inputs == ("wavlm",)


def test_large_weights_are_replaced_by_a_second_export(trained, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(export, "LARGEST", 1000)
    monkeypatch.chdir(tmp_path)
    model, data = medusa.load("b", workspace=trained), tmp_path / "model.onnx.data"
    medusa.export_onnx(model, "model.onnx")
    size = data.stat().st_size
    assert medusa.export_onnx(model, tmp_path / "model.onnx").difference < 1e-4
    assert data.stat().st_size == size
    monkeypatch.setattr(export, "TOLERANCE", 0.0)
    with pytest.raises(RunError, match=r"expected the outputs of PyTorch, found a difference of"):
        medusa.export_onnx(medusa.load("s", workspace=trained), tmp_path / "other.onnx")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]


def test_a_file_that_differs_from_pytorch_is_not_written(trained, tmp_path, monkeypatch) -> None:
    (tmp_path / "model.onnx").write_text("mine")
    monkeypatch.setattr(export, "TOLERANCE", 0.0)
    with pytest.raises(RunError, match=r"expected the outputs of PyTorch, found a difference of"):
        medusa.export_onnx(medusa.load("s", workspace=trained), tmp_path / "model.onnx")
    assert [one.read_text() for one in tmp_path.iterdir()] == ["mine"]


def test_without_the_extra_the_remedy_is_named(trained, tmp_path, monkeypatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find(name)
    )
    with pytest.raises(RunError, match=r"pip install 'medusa-ser\[onnx\]'"):
        call(trained, "export-onnx", "a", "-o", tmp_path / "model.onnx")


def test_a_bundle_gives_the_file_of_its_run(trained: Path, tmp_path: Path) -> None:
    medusa.write_bundle(medusa.Workspace.open(trained), "b", tmp_path / "bundle")
    medusa.export_onnx(medusa.load(tmp_path / "bundle"), tmp_path / "bundle.onnx")
    medusa.export_onnx(medusa.load("b", workspace=trained), tmp_path / "run.onnx")
    one, other = (onnx.load(tmp_path / f"{name}.onnx") for name in ("bundle", "run"))
    assert one.graph == other.graph
