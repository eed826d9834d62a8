"""DeepSER against a slow loop written from Algorithms 1 and 2, one utterance at a time."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from medusa.cache import Packed
from medusa.heads.config import HeadConfig
from medusa.heads.networks.attention import GROUP_COST, PackedAttention, layout_of, length_groups
from medusa.heads.networks.encoder import TransformerLayer
from medusa.heads.networks.head import build
from medusa.heads.networks.pooling import AttentionPool, MeanPool

CLASSES = 5


def head_and_inputs(modalities: int, layers: int, heads: int = 1, lengths=(7, 1, 12, 3, 9, 30)):
    torch.manual_seed(modalities * 10 + layers)
    widths = [6, 5, 9, 4][:modalities]
    config = HeadConfig(
        width=8, layers=layers, attention_heads=heads, feedforward=12, attribute_map="sigmoid"
    )
    head = build(config, widths, CLASSES).eval()
    for parameter in head.parameters():  # zero biases would hide mistakes
        torch.nn.init.normal_(parameter, std=0.5)
    utterances = [
        [torch.randn(max(1, length - 2 * m), width) for m, width in enumerate(widths)]
        for length in lengths
    ]
    return head, utterances


def pack(utterances: list[list[Tensor]]) -> list[Packed]:
    return [Packed.of(stream) for stream in zip(*utterances, strict=True)]


def slow_norm(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
    scaled = (x - mean) / torch.sqrt(var + 1e-5)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def slow_map(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def slow_attention(x: Tensor, weights: dict[str, Tensor], heads: int) -> Tensor:
    w, b = weights["self_attn.in_proj_weight"], weights["self_attn.in_proj_bias"]
    q, k, v = (x @ w.T + b).chunk(3, dim=1)
    size = q.shape[1] // heads
    outs = []
    for h in range(heads):
        s = slice(h * size, (h + 1) * size)
        scores = q[:, s] @ k[:, s].T / math.sqrt(size)
        weight = scores.exp() / scores.exp().sum(1, keepdim=True)
        outs.append(weight @ v[:, s])
    return slow_map(torch.cat(outs, dim=1), weights, "self_attn.out_proj")


def slow_layer(x: Tensor, weights: dict[str, Tensor], heads: int) -> Tensor:
    h = slow_norm(x + slow_attention(x, weights, heads), weights, "norm1")
    inner = slow_map(slow_map(h, weights, "linear1").clamp_min(0), weights, "linear2")
    return slow_norm(h + inner, weights, "norm2")


def inside(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def slow_enc(x: Tensor, weights: dict[str, Tensor], layers: int, heads: int) -> list[Tensor]:
    """Algorithm 1: returns h_1 .. h_K and the pooled h_K."""
    h = slow_map(slow_map(x, weights, "w1").clamp_min(0), weights, "w2")
    out = []
    for k in range(layers):
        h = slow_layer(h, inside(weights, f"layers.{k}."), heads)
        out.append(h)
    return [*out, h.mean(0)]


def slow_deepser(streams, weights: dict[str, Tensor], layers: int, heads: int):
    """Algorithm 2 for one utterance."""
    encoded = [
        slow_enc(x, inside(weights, f"fusion.modalities.{m}."), layers, heads)
        for m, x in enumerate(streams)
    ]
    fused = []
    for k in range(layers):
        joined = torch.cat([e[k] for e in encoded] + fused, dim=0)
        f = slow_enc(joined, inside(weights, f"fusion.fusions.{k}."), layers, heads)
        fused = [f[layers - 1]]
    x = slow_map(torch.cat([*(e[-1] for e in encoded), f[-1]]), weights, "fusion.join")
    logits = slow_map(x.clamp_min(0), weights, "output.classes")
    raw = slow_map(x.clamp_min(0), weights, "output.attributes")
    return logits, 1 + 6 / (1 + torch.exp(-raw))


@pytest.mark.parametrize("modalities", [1, 2, 3, 4])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("heads", [1, 2])
def test_equals_the_algorithms(modalities, layers, heads):
    head, utterances = head_and_inputs(modalities, layers, heads)
    logits, attributes = head(pack(utterances))
    weights = head.state_dict()
    for b, streams in enumerate(utterances):
        expected, rated = slow_deepser(streams, weights, layers, heads)
        torch.testing.assert_close(logits[b], expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(attributes[b], rated, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("modalities", [1, 2, 3, 4])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_gradients_equal_the_algorithms(modalities, layers):
    head, utterances = head_and_inputs(modalities, layers)
    weights = dict(head.named_parameters())
    sum(answer.square().sum() for answer in head(pack(utterances))).backward()
    fast = {name: one.grad.clone() for name, one in weights.items()}
    head.zero_grad()
    slow = [slow_deepser(one, weights, layers, 1) for one in utterances]
    sum(answer.square().sum() for answers in slow for answer in answers).backward()
    assert len(fast) == (modalities + layers) * (4 + 12 * layers) + 6  # none is left out
    apart = {name: gradient - weights[name].grad for name, gradient in fast.items()}
    whole = torch.cat([one.flatten() for one in fast.values()]).norm()
    assert torch.cat([one.flatten() for one in apart.values()]).norm() <= 1e-5 * whole
    for name, difference in apart.items():
        assert difference.norm() <= 1e-4 * fast[name].norm() + 1e-7 * whole, name


def test_neighbours_and_order_change_nothing():
    head, utterances = head_and_inputs(3, 2)
    together, _ = head(pack(utterances))
    backwards, _ = head(pack(utterances[::-1]))
    torch.testing.assert_close(backwards.flip(0), together, atol=5e-6, rtol=1e-5)
    for b, streams in enumerate(utterances):
        alone, _ = head(pack([streams]))
        torch.testing.assert_close(alone[0], together[b], atol=5e-6, rtol=1e-5)


@pytest.mark.parametrize("modalities", [1, 2, 3])
def test_neighbours_change_next_to_nothing_in_bf16(modalities):
    _, utterances = head_and_inputs(modalities, 2)
    torch.manual_seed(0)
    widths = [one.shape[1] for one in utterances[0]]
    head = build(HeadConfig(width=64, feedforward=128), widths, CLASSES).eval()
    with torch.autocast("cpu", torch.bfloat16):
        together, _ = head(pack(utterances))
        alone = torch.cat([head(pack([streams]))[0] for streams in utterances])
    assert together.dtype == torch.bfloat16 and together.std() > 0.1
    torch.testing.assert_close(alone.float(), together.float(), atol=5e-3, rtol=0)


def test_a_layer_equals_pytorchs():
    torch.manual_seed(0)
    ours = TransformerLayer(
        HeadConfig(width=8, attention_heads=2, feedforward=12, dropout=0.1)
    ).eval()
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 12, batch_first=True).eval()
    theirs.load_state_dict(ours.state_dict())  # the names and shapes are the same
    utterances = [torch.randn(length, 8) for length in (3, 8, 1)]
    for out, x in zip(ours(Packed.of(utterances)).split(), utterances, strict=True):
        torch.testing.assert_close(out, theirs(x[None])[0], atol=1e-6, rtol=1e-5)


def test_the_fold_changes_neither_outputs_nor_gradients():
    torch.manual_seed(0)
    attention = PackedAttention(8, heads=1, dropout=0.3).double()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = Packed.of([torch.randn(length, 8, dtype=torch.double) for length in (9, 2, 30)])
    results = []
    for way in (attention.plain, attention.folded):
        attention.zero_grad()
        torch.manual_seed(1)  # the same dropout
        out = way(x).values
        out.square().sum().backward()
        results.append([out, *(p.grad.clone() for p in attention.parameters())])
    for plain, folded in zip(*results, strict=True):
        torch.testing.assert_close(folded, plain, atol=1e-9, rtol=1e-9)


def test_one_wide_head_is_folded_when_it_pays(monkeypatch):
    attention = PackedAttention(8, heads=1, dropout=0.0)
    ways = []
    monkeypatch.setattr(attention, "folded", lambda x: ways.append("folded") or x)
    monkeypatch.setattr(attention, "plain", lambda x: ways.append("plain") or x)
    for tokens in (12, 13):
        attention(Packed.of([torch.randn(tokens, 8)]))
    assert ways == ["plain", "folded"]


@pytest.mark.parametrize("cost", [0, 30, 2000, 10**6])
def test_length_groups_take_the_least_work(cost):
    lengths = torch.tensor([5, 90, 7, 6, 80, 1, 5, 2, 100])
    groups = length_groups(lengths, cost)
    assert sorted(i for group in groups for i in group) == list(range(9))
    ordered = [lengths[i].item() for group in groups for i in group]
    assert ordered == sorted(ordered)

    def work(parts):
        return sum(len(part) * max(part) ** 2 + cost for part in parts)

    every = []  # way of cutting the sorted lengths
    for cuts in itertools.product([False, True], repeat=8):
        places = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), 9]
        every.append(work([ordered[i:j] for i, j in itertools.pairwise(places)]))
    assert work([lengths[group].tolist() for group in groups]) == min(every)


def test_groups_change_neither_outputs_nor_gradients(monkeypatch):
    torch.manual_seed(0)
    attention = PackedAttention(8, heads=2, dropout=0.0).double()
    x = Packed.of([torch.randn(length, 8, dtype=torch.double) for length in (9, 2, 30, 8, 1)])
    results = []
    for cost, number in ((0, 5), (90, 3), (10**6, 1)):
        monkeypatch.setitem(GROUP_COST, "cpu", cost)
        layout_of.cache_clear()
        assert len(layout_of(tuple(x.lengths.tolist()), torch.device("cpu")).masks) == number
        attention.zero_grad()
        values = x.values.clone().requires_grad_()
        out = attention(x.like(values)).values
        out.square().sum().backward()
        results.append([out, values.grad, *(p.grad.clone() for p in attention.parameters())])
    layout_of.cache_clear()
    for others in results[1:]:
        for first, other in zip(results[0], others, strict=True):
            torch.testing.assert_close(first, other, atol=1e-12, rtol=1e-9)


def test_mean_pool_by_hand():
    x = Packed.of([torch.tensor([[1.0, 2], [3, 6]]), torch.tensor([[5.0, 5]])])
    assert MeanPool(2)(x).tolist() == [[2, 4], [5, 5]]


def test_attention_pool_by_hand():
    pool = AttentionPool(2)
    with torch.no_grad():
        pool.score.weight.copy_(torch.tensor([[1.0, 0.0]]))
        pool.score.bias.fill_(7.0)  # softmax does not see it
    frames = torch.tensor([[0.0, 1], [math.log(3), 5]])  # weights 1/4 and 3/4
    pooled = pool(Packed.of([frames, torch.tensor([[9.0, 8]])]))
    expected = torch.tensor([[0.75 * math.log(3), 0.25 * 1 + 0.75 * 5], [9, 8]])
    torch.testing.assert_close(pooled, expected)
