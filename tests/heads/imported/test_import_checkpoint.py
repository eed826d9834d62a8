"""Weights of the published code, in a plain network of torch, predict the same after the import."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import medusa
from medusa.cache import FeatureStore, open_all
from medusa.ensemble.stacker import StackConfig
from medusa.errors import CheckpointError, ConfigError
from medusa.heads.fitting.apply import apply
from medusa.heads.imported.state_dict import read_state_dict
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import ATTRIBUTES, LabelScheme, Manifest
from medusa.manifests.texts import content_of
from medusa.tests.command_line import call
from medusa.tests.heads.conftest import write_store
from medusa.workspace import Workspace

WIDTH, COUNT, WIDTHS = 16, 90, (6, 5)
CLASSES = ("angry", "sad", "happy", "surprise", "fear", "disgust", "contempt", "neutral")
SPLITS = ["train", "train", "dev", "train", "test"]


class PlainEncoder(nn.Module):
    """Two maps, and two post-norm layers of torch with one attention head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, WIDTH), nn.Linear(WIDTH, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 1, 24, dropout=0.1, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        h1 = self.transformer.layers[0](self.linear2(torch.relu(self.linear1(x))))
        h2 = self.transformer.layers[1](h1)
        return [h1, h2, h2.mean(1)]


class PlainMedusa(nn.Module):
    """The network as it is described: nothing is masked."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.legs = nn.ModuleList(PlainEncoder(width) for width in widths)
        self.leg4, self.leg5 = PlainEncoder(WIDTH), PlainEncoder(WIDTH)
        self.linear1 = nn.Linear((len(widths) + 1) * WIDTH, WIDTH)
        self.linear2, self.linear3 = nn.Linear(WIDTH, 8), nn.Linear(WIDTH, 3)

    def forward(self, inputs: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        each = [leg(x) for leg, x in zip(self.legs, inputs, strict=True)]
        first = self.leg4(torch.cat([h1 for h1, _, _ in each], 1))
        second = self.leg5(torch.cat([*(h2 for _, h2, _ in each), first[1]], 1))
        x = torch.relu(self.linear1(torch.cat([*(h3 for _, _, h3 in each), second[2]], 1)))
        return self.linear2(x), 1 + 6 * torch.sigmoid(self.linear3(x))


@pytest.fixture
def plain() -> PlainMedusa:
    torch.manual_seed(0)
    return PlainMedusa(WIDTHS).eval()


@pytest.fixture
def corpus(tmp_path: Path) -> Workspace:
    return make_corpus(tmp_path / "corpus", CLASSES)


def make_corpus(root: Path, classes: tuple[str, ...]) -> Workspace:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": [f"u{i}" for i in rng.permutation(COUNT)]})
    frame["content"] = [f"audio{i}" for i in range(COUNT)]
    frame["text"] = [f"text {i}" for i in range(COUNT)]
    frame["split"] = [SPLITS[i % 5] for i in range(COUNT)]
    frame["speaker"] = [f"s{i % 5}" for i in range(COUNT)]
    frame["label"] = [classes[i % len(classes)] for i in range(COUNT)]
    for name in classes:
        frame[f"p_{name}"] = (frame["label"] == name).astype(float)
    frame[list(ATTRIBUTES)] = np.nan  # The corpus need not be rated.
    root.mkdir()
    Manifest(frame, LabelScheme("own", classes)).write(root / "manifest.parquet")
    nothing, texts = np.zeros(COUNT), [content_of(text) for text in frame["text"]]
    write_store(root, "speech", "audio", frame["content"], nothing, rng, WIDTHS[0])
    write_store(root, "words", "text", texts, nothing, rng, WIDTHS[1])
    return Workspace.open(root)


def in_batches(
    plain: PlainMedusa, workspace: Workspace, split: str, batch: int
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return ids, logits and attributes of batches in the order of the table."""
    frame = Manifest.read(workspace.manifest).frame
    frame = frame[frame["split"] == split]
    by_name = {store.spec.backbone: store for store in open_all(workspace.features)}
    logits, rated = [], []
    for start in range(0, len(frame), batch):
        part = frame[start : start + batch]
        with torch.no_grad():
            found = plain(
                [
                    padded(by_name["speech"], part["content"].tolist()),
                    padded(by_name["words"], [content_of(text) for text in part["text"]]),
                ]
            )
        logits.append(found[0].numpy())
        rated.append(found[1].numpy())
    return frame["id"].tolist(), np.concatenate(logits), np.concatenate(rated)


def padded(store: FeatureStore, contents: list[str]) -> torch.Tensor:
    each = [store.read([content]).values.float() for content in contents]
    return nn.utils.rnn.pad_sequence(each, batch_first=True)


@pytest.mark.parametrize("kind", ["pt", "safetensors", "wrapped"])
@pytest.mark.parametrize("batch", [16, 7])
def test_outputs_agree_in_equal_batches(
    plain: PlainMedusa, corpus: Workspace, tmp_path: Path, kind: str, batch: int
) -> None:
    path = tmp_path / f"theirs.{'safetensors' if kind == 'safetensors' else 'pt'}"
    if kind == "safetensors":
        save_file(plain.state_dict(), path)
    elif kind == "wrapped":
        state = {f"module.{name}": value for name, value in plain.state_dict().items()}
        torch.save({"epoch": 3, "model_state_dict": state}, path)
    else:
        torch.save(plain.state_dict(), path)
    words = ["import-checkpoint", path, "--like", "medusa-published", "--batch", batch]
    result = call(corpus.root, *words, "--backbones", "speech,words", "--device", "cpu")
    assert f"in batches of {batch} in the order of the table" in result.stdout
    run = RunDir(corpus.runs / "theirs")
    for split in ("train", "dev", "test"):
        ids, logits, rated = in_batches(plain, corpus, split, batch)
        found = run.predictions().select(ids)
        np.testing.assert_allclose(found.logits(), logits, rtol=0, atol=1e-6)
        np.testing.assert_allclose(found.attributes(), rated, rtol=0, atol=1e-6)
    assert run.config()["imported"] | {"sha256": ""} == {
        "file": path.name,
        "sha256": "",
        "like": "medusa-published",
        "batch": batch,
        "order": "table",
    }


def imported(plain: PlainMedusa, corpus: Workspace, path: Path, **options: object) -> RunDir:
    torch.save(plain.state_dict(), path)
    features = ("speech", "words")
    return medusa.import_checkpoint(corpus, path, features=features, device="cpu", **options)


def test_predictions_depend_on_the_batch(plain, corpus, tmp_path) -> None:
    one = imported(plain, corpus, tmp_path / "a.pt")
    other = imported(plain, corpus, tmp_path / "a.pt", name="b", batch=32)
    assert np.abs(one.predictions().logits() - other.predictions().logits()).max() > 1e-3


def test_an_import_is_evaluated_stacked_and_applied(plain, corpus, tmp_path) -> None:
    run = imported(plain, corpus, tmp_path / "a.pt")
    manifest = Manifest.read(corpus.manifest)
    found = apply(run, manifest, corpus).select(run.predictions().ids)
    np.testing.assert_array_equal(found.logits(), run.predictions().logits())
    imported(plain, corpus, tmp_path / "a.pt", name="b", batch=32)
    medusa.fit_stack(corpus, ["a", "b"], name="s", config=StackConfig("soft"))
    assert tuple(medusa.evaluate(corpus, "s")["classes"]) == CLASSES
    medusa.report(corpus, "a", tmp_path / "a.html")
    before = (run.path / "finished").stat().st_mtime_ns
    imported(plain, corpus, tmp_path / "a.pt")
    assert (run.path / "finished").stat().st_mtime_ns == before  # It is left alone.


def test_classes_in_another_order_are_put_in_order(plain, corpus, tmp_path) -> None:
    order = tuple(sorted(CLASSES))
    other = make_corpus(tmp_path / "other", order)
    found = imported(plain, other, tmp_path / "a.pt").predictions()
    same = imported(plain, corpus, tmp_path / "a.pt").predictions().select(found.ids)
    columns = [CLASSES.index(name) for name in order]
    np.testing.assert_array_equal(found.logits(), same.logits()[:, columns])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra.weight": torch.ones(2)}, "found extra.weight; import weights of the published"),
        ({"linear2.weight": torch.ones(4, WIDTH)}, "linear2: expected 8 outputs, found 4"),
        ({"leg5.linear1.bias": torch.ones(3)}, r"fusions\.1\.w1\.bias: expected \(16,\), found"),
        ({"leg5.linear1.bias": None}, r"fusions\.1\.w1\.bias: expected \(16,\), found nothing"),
        ({"linear1.bias": None}, "found none for fusion.join.bias; save the whole"),
        ({"leg4.linear1.bias": torch.full((WIDTH,), torch.nan)}, "numbers that are not finite"),
    ],
)
def test_other_weights_are_refused(plain, corpus, tmp_path, change, message) -> None:
    state = {**plain.state_dict(), **change}
    torch.save({name: value for name, value in state.items() if value is not None}, tmp_path / "a")
    with pytest.raises(CheckpointError, match=f"/a: .*{message}"):
        medusa.import_checkpoint(corpus, tmp_path / "a", features=("speech", "words"))
    assert not (corpus.runs / "a").exists()


def test_other_features_and_classes_are_refused(plain, corpus, tmp_path) -> None:
    torch.save(plain.state_dict(), tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="expected features 6 and 5 wide, in this order, fou"):
        medusa.import_checkpoint(corpus, tmp_path / "a.pt", features=("words", "speech"))
    few = make_corpus(tmp_path / "few", CLASSES[:3])
    with pytest.raises(CheckpointError, match="found angry, sad, happy; run `medusa manifest rela"):
        medusa.import_checkpoint(few, tmp_path / "a.pt", features=("speech", "words"))
    with pytest.raises(ConfigError, match="like 'published': expected one of medusa-published"):
        medusa.import_checkpoint(corpus, tmp_path / "a.pt", like="published")
    with pytest.raises(ConfigError, match="batch 0: expected at least 1"):
        medusa.import_checkpoint(corpus, tmp_path / "a.pt", batch=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"linear1.bias": torch.zeros(1).expand(10**9)}, "its arrays are larger than the file"),
        ({"linear1.bias": torch.zeros(WIDTH, device="meta")}, "it holds more than weights"),
        ({"linear1.bias": torch.ones(WIDTH).to_sparse()}, "it holds more than weights"),
        ({"linear1.bias": torch.ones(WIDTH) * 1j}, "it holds more than weights"),
        ({"linear1.bias": torch.tensor(1.0)}, "linear1.bias: expected a vector or a matrix"),
        ({f"legs.{'1' * 5000}.linear1.weight": torch.ones(WIDTH, 5)}, "expected legs.0"),
        ({"linear1.bias": torch.zeros(10**5)}, r"expected \(24, 100000\), found \(24, 16\)"),
    ],
)
def test_hostile_arrays_are_refused_before_they_take_memory(
    plain, corpus, tmp_path, change, message
) -> None:
    torch.save({**plain.state_dict(), **change}, tmp_path / "a")
    with pytest.raises(CheckpointError, match=f"/a: .*{message}"):
        medusa.import_checkpoint(corpus, tmp_path / "a", features=("speech", "words"))
    assert not (corpus.runs / "a").exists()


def test_a_compressed_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    torch.save({"linear1.bias": torch.zeros(10**6)}, tmp_path / "a.pt")
    with ZipFile(tmp_path / "a.pt") as plain, ZipFile(tmp_path / "b.pt", "w", 8) as small:
        for name in plain.namelist():
            small.writestr(name, plain.read(name))
    assert len(read_state_dict(tmp_path / "a.pt")["linear1.bias"]) == 10**6
    with pytest.raises(CheckpointError, match=r"its arrays are larger than the file"):
        read_state_dict(tmp_path / "b.pt")


class Trap:
    """An object that writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("content", ["trap", "noise", "empty", "list", "names"])
def test_foreign_files_are_refused_and_never_unpickled(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.pt"
    if content in ("noise", "empty"):
        path.write_bytes(b"noise" * (content == "noise"))
    else:
        held = {"trap": {"a": Trap(tmp_path / "sprung")}, "list": [1], "names": {"a": 1}}[content]
        torch.save(held, path)
    for name in ("a.pt", "a.safetensors"):
        path.rename(tmp_path / name) if name != path.name else None
        with pytest.raises(CheckpointError, match=r"^expected a state dict of PyTorch or"):
            read_state_dict(tmp_path / name)
    assert not (tmp_path / "sprung").exists()
    with pytest.raises(CheckpointError, match=r"^expected a file of weights, found none"):
        read_state_dict(tmp_path / "b.pt")
