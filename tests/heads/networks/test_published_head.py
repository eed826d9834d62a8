"""The published network, against PyTorch's own layers on padded batches."""

import importlib.util
from pathlib import Path

import torch

from medusa.cache import Packed
from medusa.heads.config import load
from medusa.heads.networks.head import build

FILE = Path(__file__).parents[3] / "benchmarks" / "published.py"
SPEC = importlib.util.spec_from_file_location("published_way", FILE)
published = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(published)

WIDTHS, LENGTHS = (6, 10), ((7, 3), (2, 9), (12, 1))


def both():
    config = load("medusa-published", ("head.width=16", "head.feedforward=32"))
    torch.manual_seed(0)
    ours = build(config.head, WIDTHS, 5).eval()
    theirs = published.DeepSER(WIDTHS, 16, 32, 5).eval()
    names = {"encoders": "fusion.modalities", "fusions": "fusion.fusions", "join": "fusion.join"}
    names |= {"classes": "output.classes", "attributes": "output.attributes"}
    own = ours.state_dict()
    state = {}
    for name in theirs.state_dict():
        first, _, rest = name.partition(".")
        rest = rest.replace(".first.", ".w1.").replace(".second.", ".w2.")
        state[name] = own[f"{names[first]}.{rest}"]
    theirs.load_state_dict(state)
    return ours, theirs


def frames():
    torch.manual_seed(1)
    return [
        [torch.randn(row[number], width) for row in LENGTHS] for number, width in enumerate(WIDTHS)
    ]


def test_it_is_the_published_forward():
    ours, theirs = both()
    inputs = frames()
    with torch.no_grad():
        logits, attributes = ours([Packed.of(one) for one in inputs])
        padded = [torch.nn.utils.rnn.pad_sequence(one, batch_first=True) for one in inputs]
        expected, expected_attributes = theirs(padded)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(attributes, expected_attributes, rtol=1e-4, atol=1e-5)
    assert attributes.min() > 1 and attributes.max() < 7


def test_its_fault_is_there_on_purpose_and_ours_has_it_not():
    ours, _ = both()
    inputs = frames()
    with torch.no_grad():
        together, _ = ours([Packed.of(one) for one in inputs])
        alone, _ = ours([Packed.of(one[:1]) for one in inputs])
    assert (together[0] - alone[0]).abs().max() > 1e-3
