"""A modality of several layers: a learned sum in every head, from the reader to `apply`."""

import numpy as np
import pytest
import torch
from torch.nn.functional import layer_norm

from medusa.cache import FeatureSpec, FeatureStore, Packed, StoreWriter, open_all
from medusa.ensemble.apply import apply
from medusa.errors import DataError, MedusaError, StoreError
from medusa.heads.config import HeadConfig
from medusa.heads.examples.choose import choose
from medusa.heads.networks.head import HEADS, build
from medusa.heads.networks.layer_sum import LayerSum, layer_weights, parameter_groups
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.tests.command_line import call
from medusa.workspace import Workspace

LENGTHS, LAYERS, WIDTH = (3, 1, 7, 2), 3, 4
TINY = ("head.width=8", "head.feedforward=8", "stages.0.epochs=2", "stages.1.epochs=1")


def frames(seed: int = 0) -> Packed:
    generator = torch.Generator().manual_seed(seed)
    return Packed.of([torch.randn(n, LAYERS * WIDTH, generator=generator) for n in LENGTHS])


def slow(x: Packed, weights: list[float], normalise: bool) -> torch.Tensor:
    """Sum the layers of every frame in a loop."""
    rows = []
    for frame in x.values:
        total = torch.zeros(WIDTH)
        for layer, weight in enumerate(weights):
            part = frame[layer * WIDTH : (layer + 1) * WIDTH]
            if normalise:
                part = (part - part.mean()) / (part.var(correction=0) + 1e-5).sqrt()
            total = total + weight * part
        rows.append(total)
    return torch.stack(rows)


@pytest.mark.parametrize("normalise", [False, True])
def test_the_sum_by_a_loop(normalise: bool) -> None:
    x, module = frames(), LayerSum(LAYERS, normalise)
    assert torch.allclose(module(x).values, slow(x, [1 / 3] * 3, normalise), atol=1e-6)
    with torch.no_grad():
        module.logits.copy_(torch.tensor([1.0, -2.0, 0.5]))
    powers = np.exp([1.0, -2.0, 0.5])
    weights = (powers / powers.sum()).tolist()
    assert torch.allclose(module(x).values, slow(x, weights, normalise), atol=1e-6)
    assert module(x).lengths.tolist() == list(LENGTHS)
    assert layer_weights([torch.nn.Identity(), module])[0] == []
    assert np.allclose(layer_weights([torch.nn.Identity(), module])[1], weights)
    assert layer_weights([torch.nn.Identity()]) == []


@pytest.mark.parametrize("name", [name for name in HEADS if HEADS[name].fitted_by == "steps"])
def test_every_head_trains_the_weights(name: str) -> None:
    torch.manual_seed(0)
    config = HeadConfig(name=name, width=8, feedforward=8, dropout=0.0, standardise=True)
    head = build(config, [WIDTH, 5], 3, layers=[LAYERS, 1])
    other = Packed.of([torch.randn(2, 5) for _ in LENGTHS])
    logits, _ = head([frames(), other])
    logits[:, 0].sum().backward()
    (logit,) = [value.grad for key, value in head.named_parameters() if key.startswith("scales")]
    assert logit.shape == (LAYERS,) and logit.abs().max() > 0


@pytest.mark.parametrize("name", [name for name in HEADS if name != "medusa_published"])
def test_an_utterance_is_predicted_alone_as_in_company(name: str) -> None:
    torch.manual_seed(0)
    head = build(HeadConfig(name=name, width=8, feedforward=8), [WIDTH], 3, layers=[LAYERS]).eval()
    x = frames()
    together = head([x])[0]
    alone = torch.cat([head([Packed.of([one])])[0] for one in x.split()])
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_first_step_moves_the_layers_by_their_own_rate() -> None:
    head = build(HeadConfig(name="probe", width=8), [WIDTH], 3, layers=[LAYERS])
    groups = parameter_groups(head, 0.5, 50.0)
    found = [id(one) for group in groups for one in group["params"]]
    assert sorted(found) == sorted(id(one) for one in head.parameters())
    (logits,) = groups[1]["params"]
    optimiser = torch.optim.AdamW(groups, lr=1e-3)
    for group in optimiser.param_groups:
        group["lr"] = 1e-3 * group["rate"]
    head([frames()])[0].logsumexp(1).sum().backward()
    before, way = logits.detach().clone(), logits.grad.sign()
    optimiser.step()
    # The first step of Adam is the rate itself, and the layers have no decay.
    assert torch.allclose(logits, before - 0.05 * way, rtol=1e-3)
    alone = build(HeadConfig(name="probe", width=8), [WIDTH], 3)
    (group,) = parameter_groups(alone, 0.5, 50.0)
    assert [id(one) for one in group["params"]] == [id(one) for one in alone.parameters()]


def test_the_rate_of_the_layers_is_a_setting(workspace) -> None:
    layered(workspace)
    still = fitted(workspace, "still", "train.layer_rate=1e-9").read_json("summary.json")
    moved = fitted(workspace, "moved").read_json("summary.json")
    assert np.allclose(still["layer_weights"][0], 1 / LAYERS, atol=1e-7)
    assert np.ptp(moved["layer_weights"][0]) > 1e-3
    with pytest.raises(MedusaError, match=r"train\.layer_rate"):
        fitted(workspace, "still")
    # Without a sum of layers the rate is without effect, so the run stays valid.
    fitted(workspace, "one", "train.layer_rate=5", backbones="deep:1")
    fitted(workspace, "one", backbones="deep:1")


def test_the_sum_is_a_head_on_summed_features() -> None:
    torch.manual_seed(0)
    config = HeadConfig(width=8, feedforward=8, normalise_layers=True)
    summing = build(config, [WIDTH], 3, layers=[LAYERS]).eval()
    torch.manual_seed(0)
    plain = build(config, [WIDTH], 3).eval()
    x = frames()
    parts = x.values.reshape(-1, LAYERS, WIDTH)
    mean = layer_norm(parts, (WIDTH,)).mean(1)
    assert torch.allclose(summing([x])[0], plain([x.like(mean)])[0], atol=1e-6)
    assert "scales.0.logits" not in plain.state_dict()


def layered(root, dtype: str = "float16", name: str = "deep") -> FeatureStore:
    """Write a store of three layers for the utterances of the toy workspace."""
    spec = FeatureSpec(
        name, "toy", "local", name, "audio", (0, 1, 2), "none", dtype, WIDTH, 0.02, {}
    )
    manifest = Manifest.read(root / "manifest.parquet")
    rng = np.random.default_rng(3)
    with StoreWriter(root / "features" / spec.folder, spec) as writer:
        for content, label in zip(
            manifest.frame["content"], manifest.frame["label"].fillna("sad"), strict=True
        ):
            values = rng.normal(size=(3, rng.integers(1, 30), WIDTH))
            values[1] += 2 * (label == "angry")
            writer.append(content, values.astype(np.float32))
    return FeatureStore.open(root / "features" / spec.folder)


@pytest.mark.parametrize("access", ["auto", "map", "pread"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "int8"])
def test_layers_are_read_side_by_side(workspace, dtype: str, access: str) -> None:
    store = FeatureStore.open(layered(workspace, dtype).path, access)
    contents = ["audio7", "audio3", "audio40"]
    both = store.read(contents, "layer_2+layer_0").to("cpu")
    apart = [store.read(contents, name).to("cpu") for name in ("layer_2", "layer_0")]
    assert torch.equal(both.values, torch.cat([one.values for one in apart], 1))
    assert torch.equal(both.lengths, apart[0].lengths)
    with pytest.raises(StoreError, match="choose one of its layers"):
        store.read(contents, "layer_0+layer_9")


def test_names_of_layers(workspace) -> None:
    layered(workspace)
    features = workspace / "features"

    def arrays(name: str) -> list[str]:
        return [one.array for one in choose([features], [name])]

    every = "layer_0+layer_1+layer_2"
    assert arrays("deep:*") == [every] == arrays("deep:0+1+2")
    assert arrays("deep:each") == every.split("+")
    assert arrays("deep:1") == ["layer_1"] == arrays("deep:layer_1")
    assert arrays("deep:2+layer_0") == ["layer_2+layer_0"]
    assert arrays("toy-audio:*") == arrays("toy-audio") == ["layer_1"]
    with pytest.raises(DataError, match=r"has no 'layer_7', 'layer_9', but layer_0"):
        arrays("deep:0+7+9")
    with pytest.raises(DataError, match="has each layer once, not '1\\+1'"):
        arrays("deep:1+1")
    with pytest.raises(DataError, match=r"or a learned sum of all with --backbones deep:\*"):
        arrays("deep")


def fitted(root, name: str, *settings: str, backbones: str = "deep:*") -> RunDir:
    words = [word for setting in (*TINY, *settings) for word in ("--set", setting)]
    options = ("--config", "small", "--backbones", backbones, "--name", name)
    call(root, "fit-head", *options, "--device", "cpu", *words)
    return RunDir(root / "runs" / name)


def test_from_training_to_another_corpus(workspace) -> None:
    layered(workspace)
    run = fitted(workspace, "a", "stages.0.lr=0.01", backbones="deep:*,toy-text")
    assert [one["array"] for one in run.config()["features"]] == [
        "layer_0+layer_1+layer_2",
        "layer_1",
    ]
    weights, none = run.read_json("summary.json")["layer_weights"]
    assert none == [] and sum(weights) == pytest.approx(1) and len(set(weights)) == 3
    assert all(len(line["layer_weights"][0]) == 3 for line in run.metrics())
    manifest, opened = Manifest.read(workspace / "manifest.parquet"), Workspace.open(workspace)
    predicted = apply(run, manifest, opened)
    stored = run.predictions().select(predicted.ids)
    assert np.allclose(predicted.logits(), stored.logits(), atol=1e-5)
    second = fitted(workspace, "b", "seed=1", "head.normalise_layers=true", "train.average=ema")
    linear = ("--method", "linear", "--set", "seeds=2")
    call(workspace, "stack", "a", "b", "--name", "both", *linear)
    both = RunDir(workspace / "runs" / "both")
    joint = apply(both, manifest, opened)
    expected = both.predictions().select(joint.ids)
    assert second.finished and np.allclose(joint.logits(), expected.logits(), atol=1e-4)
    call(workspace, "report", "a", "-o", str(workspace / "a.html"))
    page = (workspace / "a.html").read_text()
    assert "Weights of the layers" in page and f"layer_1: {weights[1]:.3f}" in page


def test_one_layer_is_the_run_of_its_name(workspace) -> None:
    layered(workspace)
    short = fitted(workspace, "short", backbones="deep:1")
    long = fitted(workspace, "long", backbones="deep:layer_1")
    assert short.digest() == long.digest()
    assert short.read_json("summary.json")["layer_weights"] == []
    assert "layer_weights" not in short.metrics()[0]
    assert np.array_equal(short.predictions().logits(), long.predictions().logits())


def test_a_discriminant_keeps_equal_weights(workspace) -> None:
    layered(workspace)
    run = fitted(workspace, "d", "head.name=discriminant")
    assert np.allclose(run.read_json("summary.json")["layer_weights"], [[1 / 3] * 3])
    assert len(open_all(workspace / "features")) == 3
