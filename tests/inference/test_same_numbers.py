"""A loaded model predicts wav files as its run predicted the same utterances from the cache."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import medusa
from medusa.extract.backbones import text
from medusa.extract.checkpoints import whisper_files
from medusa.heads.runs.run_dir import RunDir
from medusa.inference import from_workspace
from medusa.manifests import ATTRIBUTES
from medusa.workspace import Workspace

SAME = {"rtol": 1e-5, "atol": 1e-5}  # Attributes are on the scale from 1 to 7.


def stored(root: Path, name: str) -> pd.DataFrame:
    """Return the posteriors and attributes that a run stored for test, by the name of the file."""
    predictions = RunDir(root / "runs" / name).predictions().split("test")
    shares = torch.tensor(predictions.logits()).softmax(1).numpy()
    frame = pd.DataFrame(shares, columns=[f"p_{one}" for one in predictions.classes])
    frame[list(ATTRIBUTES)] = predictions.attributes()
    return frame.set_index(pd.Index(predictions.ids, name="id"))


def agree(frame: pd.DataFrame, expected: pd.DataFrame) -> None:
    ids = [Path(path).stem for path in frame["path"]]
    assert len(ids) == len(expected) and set(ids) == set(expected.index)
    columns = list(expected.columns)
    assert np.allclose(frame[columns].to_numpy(), expected.loc[ids, columns].to_numpy(), **SAME)


@pytest.mark.parametrize("name", ["a", "b", "s"])
def test_files_are_predicted_as_their_cached_features(trained, clips, name):
    model = medusa.load(trained / "runs" / name)
    frame = model.predict(clips)
    agree(frame, stored(trained, name))
    assert list(frame["path"]) == [str(path) for path in clips]
    assert (
        frame["label"] == [model.classes[n] for n in frame.filter(like="p_").to_numpy().argmax(1)]
    ).all()


def test_a_kept_workspace_gives_the_same_numbers_twice(trained, clips, tmp_path, monkeypatch):
    model = medusa.load("s", workspace=trained)
    agree(model.predict(clips, workspace=tmp_path / "kept"), stored(trained, "s"))
    assert len(list((tmp_path / "kept" / "features").glob("*.zarr"))) == 3
    texts = pd.read_parquet(tmp_path / "kept" / "transcripts" / "words.parquet")
    original = pd.read_parquet(trained / "transcripts" / "words.parquet")
    kept = texts.set_index("content")["text"]
    assert kept.to_dict() == original.set_index("content")["text"].loc[kept.index].to_dict()
    again = medusa.load("s", workspace=trained)
    monkeypatch.setattr(whisper_files, "read_model", None)  # Nothing is computed again.
    monkeypatch.setattr(text, "load", None)
    agree(again.predict(clips, workspace=tmp_path / "kept"), stored(trained, "s"))


def test_moved_weights_are_where_the_workspace_names_them(trained, tmp_path, monkeypatch):
    """The encoder and the transcriber of a run are looked up in `medusa.yaml` if they are gone."""
    recorded, found = from_workspace.read_record, from_workspace.weights_of
    gone = str(tmp_path / "gone.pt")
    monkeypatch.setattr(
        from_workspace, "read_record", lambda path: recorded(path) | {"source": gone}
    )
    monkeypatch.setattr(from_workspace, "weights_of", lambda *of: (gone, found(*of)[1]))
    run, workspace = RunDir(trained / "runs" / "a"), Workspace.open(trained)
    parts = from_workspace.parts_of_run(run, workspace)
    assert {parts.text.whisper, *(one.source for one in parts.features)} == {gone}
    new = {name: f"new/{name}.pt" for name in ("whisper", "roberta")}
    parts = from_workspace.parts_of_run(run, replace(workspace, checkpoints=new))
    assert parts.text.whisper == new["whisper"]
    assert {one.spec.backbone: one.source for one in parts.features} == new
