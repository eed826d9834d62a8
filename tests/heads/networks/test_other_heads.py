"""Every head but DeepSER: alone as in a batch, and against loops written from its description."""

import pytest
import torch
from torch.nn import functional as F

from medusa.cache import Packed
from medusa.errors import ConfigError
from medusa.heads.config import Config, HeadConfig
from medusa.heads.networks.head import HEADS, build
from medusa.heads.networks.pooling import POOLS, AttentiveStatisticsPool, StatisticsPool

LENGTHS = ((5, 1, 9, 4), (2, 7, 1, 3), (1, 1, 6, 2))
WIDTHS = (6, 4, 6)


def config(name: str, **more) -> HeadConfig:
    return HeadConfig(name=name, width=8, layers=2, feedforward=12, dropout=0.0, **more)


def streams(modalities: int) -> list[Packed]:
    torch.manual_seed(1)
    return [
        Packed.of([torch.randn(length, width) for length in lengths])
        for lengths, width in zip(LENGTHS[:modalities], WIDTHS, strict=False)
    ]


def alone(inputs: list[Packed], utterance: int) -> list[Packed]:
    return [Packed.of([x.split()[utterance]]) for x in inputs]


def head_of(name: str, modalities: int, **more):
    torch.manual_seed(0)
    return build(config(name, **more), WIDTHS[:modalities], 3).eval()


@pytest.mark.parametrize("modalities", [1, 2, 3])
@pytest.mark.parametrize("name", sorted(set(HEADS) - {"medusa_published"}))  # whose fault it is
def test_a_result_does_not_depend_on_the_batch(name: str, modalities: int) -> None:
    head, inputs = head_of(name, modalities), streams(modalities)
    logits, attributes = head(inputs)
    assert logits.shape == (4, 3) and attributes.shape == (4, 3)
    for utterance in range(4):
        one, rated = head(alone(inputs, utterance))
        torch.testing.assert_close(one[0], logits[utterance], rtol=0, atol=5e-6)
        torch.testing.assert_close(rated[0], attributes[utterance], rtol=0, atol=5e-6)


@pytest.mark.parametrize("name", list(HEADS))
def test_every_parameter_learns(name: str) -> None:
    torch.manual_seed(0)
    head = build(config(name), WIDTHS[:2], 3, ("neutral", "secondary")).train()
    outputs = head.output(head.embed(streams(2)))
    sum(output.square().sum() for output in outputs.values()).backward()
    silent = [key for key, p in head.named_parameters() if p.grad is None or not p.grad.any()]
    # a constant added to all scores of a softmax, or to all keys of an attention, changes nothing
    assert not [key for key in silent if not key.endswith(("score.bias", "k_proj.bias"))]


def test_statistics_by_a_loop() -> None:
    torch.manual_seed(0)
    pool, x = StatisticsPool(6), streams(1)[0]
    found = pool(x)
    for utterance, frames in enumerate(x.split()):
        weights = (frames @ pool.score.weight[0] + pool.score.bias).softmax(0)
        mean = sum(w * f for w, f in zip(weights, frames, strict=True))
        square = sum(w * (f - mean) ** 2 for w, f in zip(weights, frames, strict=True))
        torch.testing.assert_close(found[utterance, :6], mean)
        torch.testing.assert_close(found[utterance, 6:], square.clamp_min(1e-8).sqrt())


def test_the_score_of_two_layers_by_a_loop() -> None:
    torch.manual_seed(0)
    pool, x = AttentiveStatisticsPool(6), streams(1)[0]
    wide, _, v = pool.score
    found = pool(x)
    for utterance, frames in enumerate(x.split()):
        scores = [
            sum(v.weight[0, j] * torch.tanh(wide.weight[j] @ f + wide.bias[j]) for j in range(6))
            for f in frames
        ]
        powers = torch.stack([torch.as_tensor(one) for one in scores]).exp()
        weights = powers / powers.sum()
        mean = sum(w * f for w, f in zip(weights, frames, strict=True))
        square = sum(w * (f - mean) ** 2 for w, f in zip(weights, frames, strict=True))
        torch.testing.assert_close(found[utterance, :6], mean)
        torch.testing.assert_close(found[utterance, 6:], square.clamp_min(1e-8).sqrt())


def test_the_baseline_has_the_score_of_its_source() -> None:
    widths, source = (1024,), config("asp_mlp", pooling="attentive_statistics")
    fusion = build(source, widths, 3).fusion
    assert sum(p.numel() for p in fusion.pools.parameters()) == 1_050_624
    (linear,) = build(config("asp_mlp"), widths, 3).fusion.pools
    assert sum(p.numel() for p in linear.parameters()) == 1_025


@pytest.mark.parametrize("pool", list(POOLS))
def test_late_fusion_by_hand(pool: str) -> None:
    head, inputs = head_of("late_fusion", 2, pooling=pool), streams(2)
    pooled = [one(x)[1] for one, x in zip(head.fusion.modalities, inputs, strict=True)]
    expected = head.fusion.join(torch.cat(pooled, 1))
    torch.testing.assert_close(head.embed(inputs), expected)
    assert pooled[0].shape[1] == {
        "statistics": 16,
        "attentive_statistics": 16,
        "functionals": 56,
    }.get(pool, 8)


def test_early_concat_joins_over_time() -> None:
    head, inputs = head_of("early_concat", 2), streams(2)
    for utterance in range(4):
        parts = [one(x.split()[utterance]) for one, x in zip(head.fusion.maps, inputs, strict=True)]
        _, pooled = head.fusion.encoder(Packed.of([torch.cat(parts)]))
        expected = head.fusion.join(pooled)[0]
        torch.testing.assert_close(head.embed(inputs)[utterance], expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("heads", [(1,), (2,), (1, 1, 2), (4, 1, 1)])
@pytest.mark.parametrize("name", ["cross_attention", "cross_attention_neutral"])
def test_cross_attention_by_a_loop(name: str, heads: tuple[int, ...]) -> None:
    """Written from the paper: one utterance at a time, nothing padded, attention by its formula."""
    head, inputs = head_of(name, 3, heads_by_modality=heads), streams(3)
    fusion, found = head.fusion, head.embed(inputs)
    counts = heads * 3 if len(heads) == 1 else heads
    for utterance in range(4):
        hidden = []
        for i, x in enumerate(inputs):
            mapped = fusion.maps[i](x.split()[utterance])
            hidden.append(fusion.grus[i](mapped)[0])
        pooled = []
        for i, query in enumerate(hidden):
            total = query
            mha = fusion.attentions[i]
            wq, wk, wv = mha.in_proj_weight.chunk(3)
            bq, bk, bv = mha.in_proj_bias.chunk(3)
            for j, other in enumerate(hidden):
                if i == j:
                    continue
                parts = []
                for q, k, v in zip(
                    (query @ wq.T + bq).chunk(counts[i], 1),
                    (other @ wk.T + bk).chunk(counts[i], 1),
                    (other @ wv.T + bv).chunk(counts[i], 1),
                    strict=True,
                ):
                    parts.append((q @ k.T / q.shape[1] ** 0.5).softmax(1) @ v)
                total = total + mha.out_proj(torch.cat(parts, 1))
            weights = fusion.pools[i].score(total).softmax(0)
            pooled.append((weights * total).sum(0))
        vector = torch.cat(pooled)[None]
        expected = fusion.out(vector)[0]
        if name == "cross_attention_neutral":
            first = fusion.neutral[0]
            inner = torch.relu(fusion.out[0](vector) @ first.weight.T + first.bias)[0]
            expected = torch.cat([expected, inner])
        torch.testing.assert_close(found[utterance], expected, rtol=0, atol=5e-6)


def test_the_network_of_neutral_has_the_weights_of_its_source() -> None:
    """Ueda et al., design ii: two maps of the pooled streams, 2 * 1024 -> 512 -> 1."""
    settings = HeadConfig(name="cross_attention_neutral", width=512, dropout=0.5)
    head = build(settings, (1280, 1024), 8, ("neutral",))
    maps = [head.fusion.neutral[0], head.output.auxiliary["neutral"]]
    assert sum(p.numel() for one in maps for p in one.parameters()) == 1_049_601
    assert [head.fusion.neutral[2].p, head.fusion.out[3].p] == [0.5, 0.5]
    plain = build(HeadConfig(name="cross_attention", width=512), (1280, 1024), 8, ("neutral",))
    assert sum(p.numel() for p in plain.output.auxiliary["neutral"].parameters()) == 513
    assert head.output.classes.weight.shape == plain.output.classes.weight.shape == (8, 512)


def test_neutral_reads_its_own_half_and_the_classes_the_other() -> None:
    head = build(config("cross_attention_neutral"), WIDTHS[:2], 3, ("neutral", "secondary")).eval()
    x = torch.randn(5, 16)
    found, other = head.output(x), x.clone()
    other[:, 8:] = 0
    kept = head.output(other)
    expected = torch.relu(x[:, 8:]) @ head.output.auxiliary["neutral"].weight.T
    torch.testing.assert_close(found["neutral"], expected + head.output.auxiliary["neutral"].bias)
    for name in ("classes", "attributes", "secondary"):
        torch.testing.assert_close(found[name], kept[name])
    assert (found["neutral"] - kept["neutral"]).abs().max() > 1e-3


def test_heads_by_modality_are_checked() -> None:
    with pytest.raises(
        ConfigError, match=r"expected 2 numbers, one for each modality, found \[1, 2, 1\]"
    ):
        head_of("cross_attention", 2, heads_by_modality=(1, 2, 1))
    problems = HEADS["cross_attention"].problems
    assert problems(Config(head=config("cross_attention", heads_by_modality=(1, 2)))) == []
    uneven = problems(Config(head=config("cross_attention", heads_by_modality=(1, 3))))
    assert uneven == ["head.heads_by_modality: each number must divide twice head.width"]
    other = HEADS["probe"].problems(Config(head=config("probe", heads_by_modality=(1, 2))))
    assert other == ["head.heads_by_modality: only cross_attention reads it; leave it out"]
    silent = HEADS["cross_attention_neutral"].problems(Config())
    assert silent == [
        "loss.neutral_weight: cross_attention_neutral needs it; set it to more than 0"
    ]


def test_the_probe_is_a_linear_map_of_the_weighted_mean() -> None:
    torch.manual_seed(0)
    inputs = [streams(3)[0], streams(3)[2]]  # both 6 wide: two layers
    head = build(config("probe"), (6, 6), 3).eval()
    with torch.no_grad():
        head.fusion.weights.copy_(torch.tensor([0.3, -0.4]))
    share = torch.tensor([0.3, -0.4]).softmax(0)
    means = [torch.stack([u.mean(0) for u in x.split()]) for x in inputs]
    expected = F.linear(
        share[0] * means[0] + share[1] * means[1],
        head.output.classes.weight,
        head.output.classes.bias,
    )
    torch.testing.assert_close(head(inputs)[0], expected)


def test_a_bilstm_layer_reads_both_ways_within_the_utterance() -> None:
    head, inputs = head_of("dhf", 1), streams(1)
    layer = head.fusion.modalities[0].layers[0]
    x = Packed.of([torch.randn(4, 8), torch.randn(2, 8)])
    found = layer(x).split()
    for frames, expected in zip(x.split(), found, strict=True):
        torch.testing.assert_close(layer.lstm(frames)[0], expected)
    assert inputs[0].lengths.tolist() == [5, 1, 9, 4]
