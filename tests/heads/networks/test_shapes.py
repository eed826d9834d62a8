"""The annotated shapes are checked in the tests: a wrong one is refused, so the check is on."""

import pytest
import torch
from jaxtyping import TypeCheckError

from medusa.cache import Packed
from medusa.heads.config import LossConfig
from medusa.heads.networks.output import Output
from medusa.heads.networks.segments import segment_softmax
from medusa.heads.training.loss import Batch, cross_entropy
from medusa.heads.training.train_rows import mix


def packed(width: int = 3) -> Packed:
    return Packed(torch.zeros(5, width), torch.tensor([2, 3]))


def test_packed_refuses_values_and_lengths_of_another_shape() -> None:
    with pytest.raises(TypeCheckError, match="values"):
        Packed(torch.zeros(2, 5, 3), torch.tensor([2, 3]))
    with pytest.raises(TypeCheckError, match="lengths"):
        Packed(torch.zeros(5, 3), torch.tensor([2.0, 3.0]))
    assert packed().pad()[0].shape == (2, 3, 3)


def test_scores_of_frames_have_one_column() -> None:
    assert segment_softmax(packed(1)).shape == (5, 1)
    with pytest.raises(TypeCheckError):
        segment_softmax(packed(2))


def test_logits_and_targets_have_the_same_classes() -> None:
    logits, weights = torch.zeros(4, 3), torch.ones(3)
    assert cross_entropy(Batch(logits, torch.ones(4, 3) / 3, weights, weights / 3), LossConfig())
    with pytest.raises(TypeCheckError, match="targets"):
        Batch(logits, torch.ones(4, 2), weights, weights)
    with pytest.raises(TypeCheckError, match="weights"):
        Batch(logits, torch.ones(4, 3), torch.ones(4), weights)


def test_a_network_refuses_a_vector_in_place_of_a_batch() -> None:
    output = Output(8, 3, "linear")
    assert output(torch.zeros(2, 8))["classes"].shape == (2, 3)
    with pytest.raises(TypeCheckError):
        output(torch.zeros(8))


def test_partners_are_as_many_as_the_rows() -> None:
    rows = torch.zeros(4, 2)
    assert mix(rows, torch.arange(4), torch.ones(4, 1)).shape == (4, 2)
    with pytest.raises(TypeCheckError):
        mix(rows, torch.arange(3), torch.ones(4, 1))
