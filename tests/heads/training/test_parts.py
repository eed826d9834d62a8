"""Losses, MixUp, samplers and frame averaging on numbers small enough to check by hand."""

import math

import numpy as np
import pytest
import torch

from medusa.cache import Packed
from medusa.errors import DataError
from medusa.heads.config import LossConfig, MixupConfig
from medusa.heads.examples.frames import average_frames
from medusa.heads.examples.sampling import (
    Draw,
    balanced,
    neutral_weighted,
    shuffle,
    subset,
    weighted,
)
from medusa.heads.networks.dropout import Dropout
from medusa.heads.networks.standardise import Standardise
from medusa.heads.training.loss import (
    Batch,
    auxiliary,
    concordance,
    cross_entropy,
    cross_entropy_by_weight,
    focal,
    kl_divergence,
    mean_squared_error,
    neutral_margin,
    secondary_choices,
    total_loss,
    vector_scaling,
)
from medusa.heads.training.train_rows import (
    Targets,
    TrainStatistics,
    class_weights,
    draw_mixup,
    mix,
)

NAN = float("nan")


def answers(soft: torch.Tensor, ratings: torch.Tensor | None = None, **more) -> Targets:
    unrated = torch.full((len(soft), 3), NAN)
    nothing = {"secondary": torch.full_like(soft, NAN), "votes": torch.zeros_like(soft)}
    return Targets(soft, unrated if ratings is None else ratings, **(nothing | more))


def test_class_weights_by_hand():
    # masses 1.5, 0.5, 0: N = 2, C = 3
    soft = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0]])
    expected = [math.sqrt(2 / (3 * 1.5)), math.sqrt(2 / (3 * 0.5)), 0]
    assert class_weights(soft, 0.5).tolist() == pytest.approx(expected)
    assert class_weights(soft, 1.0).tolist() == pytest.approx([2 / 4.5, 2 / 1.5, 0])
    assert class_weights(soft, 0.0).tolist() == [1, 1, 0]


def test_soft_cross_entropy_by_hand():
    logits = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])  # posteriors 1/4 3/4 and 1/2 1/2
    targets = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    weights = torch.tensor([2.0, 1.0])
    first = -(2 * 0.5 * math.log(1 / 4) + 1 * 0.5 * math.log(3 / 4))
    second = -math.log(1 / 2)
    # divided by the batch size, not by the sum of the weights
    batch = Batch(logits, targets, weights, torch.tensor([0.5, 0.5]))
    assert cross_entropy(batch, LossConfig()).item() == pytest.approx((first + second) / 2)


def small_batch() -> Batch:
    """Posteriors 1/4 3/4 and 1/2 1/2; a prior of 1 to 3."""
    logits = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])
    targets = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    return Batch(logits, targets, torch.tensor([2.0, 1.0]), torch.tensor([0.25, 0.75]))


def test_cross_entropy_by_weight_is_that_of_class_numbers():
    torch.manual_seed(0)
    logits, labels, weights = torch.randn(7, 3), torch.randint(3, (7,)), torch.rand(3) + 0.2
    batch = Batch(logits, torch.eye(3)[labels], weights, torch.ones(3) / 3)
    expected = torch.nn.functional.cross_entropy(logits, labels, weight=weights)
    torch.testing.assert_close(cross_entropy_by_weight(batch, LossConfig()), expected)
    # soft labels: the weights 2 * 1/2 + 1 * 1/2 and 1 of the two rows
    soft = cross_entropy(small_batch(), LossConfig()) * 2 / 2.5
    torch.testing.assert_close(cross_entropy_by_weight(small_batch(), LossConfig()), soft)


def test_focal_by_hand():
    first = 2 * 0.5 * (3 / 4) ** 2 * math.log(1 / 4) + 0.5 * (1 / 4) ** 2 * math.log(3 / 4)
    second = (1 / 2) ** 2 * math.log(1 / 2)
    found = focal(small_batch(), LossConfig(focal_gamma=2.0)).item()
    assert found == pytest.approx(-(first + second) / 2)
    plain = focal(small_batch(), LossConfig(focal_gamma=0.0)).item()
    assert plain == pytest.approx(cross_entropy(small_batch(), LossConfig()).item())


def test_kl_divergence_by_hand():
    first = 2 * 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    second = math.log(1 / 0.5)
    found = kl_divergence(small_batch(), LossConfig()).item()
    assert found == pytest.approx((first + second) / 2)


def test_vector_scaling_by_hand():
    # Delta: (1/3) ** gamma for the rare class, 1 for the other; iota: tau log prior
    gamma, tau = 0.3, 0.7
    config = LossConfig(vector_gamma=gamma, vector_tau=tau)
    losses = []
    for (a, b), (ya, yb) in zip(
        small_batch().logits.tolist(), small_batch().targets.tolist(), strict=True
    ):
        a = (1 / 3) ** gamma * a + tau * math.log(0.25)
        b = b + tau * math.log(0.75)
        norm = math.log(math.exp(a) + math.exp(b))
        losses.append(-(2 * ya * (a - norm) + yb * (b - norm)))
    assert vector_scaling(small_batch(), config).item() == pytest.approx(sum(losses) / 2)


def test_concordance_by_hand_and_on_any_scale():
    predicted = torch.tensor([[1.0, 4, 2], [3, 4, 2], [5, 4, 2]], requires_grad=True)
    ratings = torch.tensor([[2.0, 1, NAN], [3, 7, NAN], [7, NAN, 5]])
    # arousal: means 3 and 4, variances 8/3 and 14/3, covariance 10/3; valence: covariance 0;
    # dominance has one rating, which says nothing
    arousal = 1 - 2 * (10 / 3) / (8 / 3 + 14 / 3 + 1)
    loss = concordance(predicted, ratings)
    assert loss.item() == pytest.approx((arousal + 1) / 2)
    other = concordance((predicted - 1) / 6, (ratings - 1) / 6)
    assert other.item() == pytest.approx(loss.item(), rel=1e-5)
    loss.backward()
    assert predicted.grad is not None and predicted.grad.isfinite().all()
    nothing = concordance(predicted, torch.full((3, 3), NAN))
    assert nothing.item() == 0


def test_label_smoothing_by_hand():
    targets = torch.tensor([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0]])
    expected = torch.tensor([[0.925, 0.025, 0.025, 0.025], [0.475, 0.475, 0.025, 0.025]])
    torch.testing.assert_close(answers(targets).smoothed(0.1).soft, expected)


def test_attribute_loss_leaves_out_what_is_unrated():
    predicted = torch.tensor([[1.0, 2, 3], [4, 5, 6]], requires_grad=True)
    ratings = torch.tensor([[2.0, NAN, 3], [NAN, NAN, 3]])
    loss = mean_squared_error(predicted, ratings)
    assert loss.item() == pytest.approx((1 + 0 + 9) / 3)
    loss.backward()
    torch.testing.assert_close(predicted.grad, torch.tensor([[-2 / 3, 0, 0], [0, 0, 2.0]]))
    assert mean_squared_error(predicted, torch.full((2, 3), NAN)).item() == 0


def test_total_is_equation_one():
    targets = answers(torch.tensor([[1.0, 0]]), torch.tensor([[4.0, 4, 7]]))
    outputs = {"classes": torch.zeros(1, 2), "attributes": torch.tensor([[4.0, 4, 4]])}
    corpus = TrainStatistics(torch.ones(2), torch.full((2,), 0.5))
    loss, parts = total_loss(LossConfig(), outputs, targets, corpus)
    assert parts["class"].item() == pytest.approx(math.log(2))
    assert parts["attribute"].item() == pytest.approx(3)
    assert loss.item() == pytest.approx(1.5 * math.log(2) + 0.4 * 3)
    assert auxiliary(LossConfig()) == ()


def test_further_losses_are_added_with_their_weights():
    config = LossConfig(neutral_weight=0.5, secondary_weight=2.0)
    assert auxiliary(config) == ("neutral", "secondary")
    targets = answers(torch.tensor([[1.0, 0]]), secondary=torch.tensor([[0.0, 1.0]]))
    outputs = {
        "classes": torch.zeros(1, 2),
        "attributes": torch.zeros(1, 3),
        "neutral": torch.tensor([[math.log(3)]]),
        "secondary": torch.tensor([[0.0, math.log(3)]]),
    }
    corpus = TrainStatistics(torch.ones(2), torch.full((2,), 0.5), neutral=1)
    loss, parts = total_loss(config, outputs, targets, corpus)
    assert parts["neutral"].item() == pytest.approx(math.log(4))  # log(1 + exp(+z)), y = -1
    assert parts["secondary"].item() == pytest.approx((math.log(2) - math.log(3 / 4)) / 2)
    expected = 1.5 * math.log(2) + 0.5 * parts["neutral"].item() + 2 * parts["secondary"].item()
    assert loss.item() == pytest.approx(expected)


def test_neutral_margin_by_the_published_formula():
    margin = torch.tensor([[0.3], [-1.2], [2.0]])
    soft = torch.tensor([[1.0, 0], [0, 1.0], [0.25, 0.75]])
    y = [1, -1]
    first, second = (
        math.log1p(math.exp(-sign * z)) for sign, z in zip(y, (0.3, -1.2), strict=True)
    )
    third = 0.25 * math.log1p(math.exp(-2.0)) + 0.75 * math.log1p(math.exp(2.0))
    assert neutral_margin(margin, soft, 0).item() == pytest.approx((first + second + third) / 3)


def test_second_choices_leave_out_rows_without_votes():
    logits = torch.tensor([[0.0, 0.0], [5.0, 5.0]])
    shares = torch.tensor([[0.5, 0.25], [NAN, NAN]])
    assert secondary_choices(logits, shares).item() == pytest.approx(math.log(2))
    assert secondary_choices(logits, torch.full((2, 2), NAN)).item() == 0


def test_dropout_zeroes_its_share_and_keeps_the_mean():
    dropout = Dropout(0.3)
    x = torch.full((501, 401), 2.0, requires_grad=True)
    torch.manual_seed(0)
    out = dropout(x)
    assert (out == 0).double().mean().item() == pytest.approx(0.3, abs=0.005)
    assert out[out != 0].unique().item() == pytest.approx(2 / 0.7, rel=1e-4)
    out.sum().backward()
    torch.testing.assert_close(x.grad, out.detach() / 2)
    torch.manual_seed(0)
    assert torch.equal(dropout(x), out)
    torch.manual_seed(1)
    assert not torch.equal(dropout(x), out)
    # neighbours are drawn independently, also within one 64-bit word
    dropped = (out == 0).double().flatten()
    for lag in (1, 2, 3, 4):
        both = (dropped[:-lag] * dropped[lag:]).mean().item()
        assert both == pytest.approx(0.09, abs=0.005)
    assert dropout.eval()(x) is x


def test_mix_by_hand():
    values = torch.tensor([[0.0, 10], [1, 20], [2, NAN]])
    partners, shares = torch.tensor([1, 2, 0]), torch.tensor([[0.25], [1.0], [0.5]])
    mixed = mix(values, partners, shares)
    assert mixed[0].tolist() == [0.75, 17.5]
    assert mixed[1, 0].item() == 1
    assert mixed[1].isnan().tolist() == [False, True]  # the partner is unrated
    assert mixed[2, 0].item() == 1


def test_mixup_is_drawn_with_its_probability_and_distribution():
    rng = np.random.default_rng(0)
    drawn = [draw_mixup(MixupConfig(p=0.3, alpha=0.2), 4, rng) for _ in range(3000)]
    mixed = [pair for pair in drawn if pair is not None]
    assert len(mixed) / 3000 == pytest.approx(0.3, abs=0.03)
    shares = torch.cat([shares for _, shares in mixed])
    assert shares.mean().item() == pytest.approx(0.5, abs=0.03)
    # the variance of Beta(a, a) is 1 / (4 (2 a + 1))
    assert shares.var().item() == pytest.approx(1 / (4 * 1.4), abs=0.02)
    assert all(sorted(partners.tolist()) == [0, 1, 2, 3] for partners, _ in mixed)


def test_mixup_per_batch_has_one_lambda():
    drawn = draw_mixup(MixupConfig(p=1.0, per="batch"), 5, np.random.default_rng(1))
    assert drawn is not None and drawn[1].unique().numel() == 1
    drawn = draw_mixup(MixupConfig(p=1.0, per="sample"), 5, np.random.default_rng(1))
    assert drawn is not None and drawn[1].unique().numel() == 5


def test_mixup_within_parts_is_that_of_two_batches():
    """The published code mixes 16 utterances at a time, each time with probability p."""
    config = MixupConfig(p=0.5, within=16)
    kinds, shared = set(), np.random.default_rng(2)
    for _ in range(40):
        drawn = draw_mixup(config, 40, shared)
        partners, lam = drawn if drawn else (torch.arange(40), torch.ones(40, 1))
        kind = []
        for start, end in ((0, 16), (16, 32), (32, 40)):
            part, own = partners[start:end], torch.arange(start, end)
            assert sorted(part.tolist()) == own.tolist()
            mixed = bool((lam[start:end] < 1).any())
            assert mixed or torch.equal(part, own)
            kind.append(mixed)
        kinds.add(tuple(kind))
    assert len(kinds) == 8  # Every part is mixed or not without regard to the others.
    one, two = np.random.default_rng(3), np.random.default_rng(3)
    whole = draw_mixup(MixupConfig(p=1.0, within=64), 40, one)
    assert whole is not None
    for found, expected in zip(whole, draw_mixup(MixupConfig(p=1.0), 40, two), strict=True):
        assert torch.equal(found, expected)


def test_balanced_epochs_are_equal_in_classes_and_fresh():
    labels = np.array([0] * 50 + [1] * 5 + [3] * 8 + [-1] * 20)
    epochs = [balanced(labels, np.random.default_rng([0, 1, e]), Draw()) for e in range(30)]
    for rows in epochs:
        assert np.unique(labels[rows], return_counts=True)[1].tolist() == [5, 5, 5]
        assert set(labels[rows]) == {0, 1, 3}
        assert len(set(rows)) == 15
    seen = {row for rows in epochs for row in rows if labels[row] == 0}
    assert len(seen) > 45  # 30 draws of 5 of 50: 1 - 0.9 ** 30 = 0.96 of them expected
    again = balanced(labels, np.random.default_rng([0, 1, 7]), Draw())
    assert again.tolist() == epochs[7].tolist()


def test_balanced_adds_a_share_without_consensus():
    labels = np.array([0] * 50 + [1] * 5 + [-1] * 20)
    rows = balanced(labels, np.random.default_rng(0), Draw(1.0))  # the published code's 9 n_min
    assert np.unique(labels[rows], return_counts=True)[1].tolist() == [5, 5, 5]
    all_without = balanced(labels, np.random.default_rng(0), Draw(4.0))
    assert sorted(row for row in all_without if labels[row] == -1) == list(range(55, 75))


def test_shuffle_takes_every_row_once():
    rows = shuffle(np.array([0, 1, -1, 2]), np.random.default_rng(0), Draw())
    assert sorted(rows) == [0, 1, 2, 3]


def test_a_subset_is_as_large_as_a_balanced_one_and_as_the_split_is():
    labels = np.array([0] * 500 + [1] * 100 + [-1] * 200)
    rows = subset(labels, np.random.default_rng(0), Draw())
    assert len(rows) == len(set(rows)) == 200
    assert abs((labels[rows] == 0).mean() - 500 / 800) < 0.12 and (labels[rows] == -1).any()


def test_weighted_draws_every_class_alike():
    labels = np.array([0] * 900 + [1] * 90 + [3] * 10 + [-1] * 1000)
    rows = weighted(labels, np.random.default_rng(0), Draw())
    assert len(rows) == 2000
    counts = np.bincount(labels[rows] + 1)
    assert counts[0] == 0 and counts[3] == 0
    assert all(abs(counts[c + 1] - 2000 / 3) < 4 * math.sqrt(2000 * 2 / 9) for c in (0, 1, 3))
    rows = weighted(labels, np.random.default_rng(0), Draw(no_consensus=1.0))
    assert abs((labels[rows] == -1).sum() - 500) < 4 * math.sqrt(2000 * 3 / 16)


def test_neutral_weighted_draws_one_half_neutral_and_the_rest_as_they_come():
    labels = np.array([0] * 900 + [1] * 90 + [2] * 10)
    rows = neutral_weighted(labels, np.random.default_rng(0), Draw(neutral=1))
    counts = np.bincount(labels[rows], minlength=3)
    assert len(rows) == 1000 and abs(counts[1] - 500) < 4 * math.sqrt(250)
    assert counts[0] / counts[2] > 30  # 90 to 1 expected
    with pytest.raises(DataError, match="neutral"):
        neutral_weighted(labels, np.random.default_rng(0), Draw())


def test_average_frames_against_a_loop():
    utterances = [torch.randn(length, 3) for length in (1, 4, 9, 10)]
    averaged = average_frames(Packed.of(utterances), 4)
    assert averaged.lengths.tolist() == [1, 1, 3, 3]
    for out, x in zip(averaged.split(), utterances, strict=True):
        loop = torch.stack([x[i : i + 4].mean(0) for i in range(0, len(x), 4)])
        torch.testing.assert_close(out, loop)


def test_standardise_fits_all_frames():
    batches = [torch.randn(30, 2) * 5 + 3, torch.randn(11, 2) * 5 + 3]
    for batch in batches:
        batch[:, 1] = 7.0
    scale = Standardise(2)
    scale.fit([Packed.of([batch]) for batch in batches])
    everything = torch.cat(batches)
    out = scale(Packed.of([everything])).values
    expected = (everything[:, 0] - everything[:, 0].mean()) / everything[:, 0].std(unbiased=False)
    torch.testing.assert_close(out[:, 0], expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(out[:, 1], torch.zeros(41), atol=1e-5, rtol=0)
