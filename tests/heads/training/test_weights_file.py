"""Our safetensors files hold what the library reads and writes."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

from medusa.heads.training.weights_file import TYPES, write_weights
from medusa.seal import OPEN, is_intact

ABOUT = {"seal": OPEN, "run": "é"}


def arrays() -> dict[str, torch.Tensor]:
    made = torch.Generator().manual_seed(0)
    found = {str(dtype): torch.randn(3, 5, generator=made).mul(50).to(dtype) for dtype in TYPES}
    return found | {
        "number": torch.tensor(7.0),
        "empty": torch.zeros(0, 4),
        "turned": torch.randn(4, 6, generator=made).T,
        "part": torch.randn(8, generator=made)[2:5],
        "learnt": torch.nn.Parameter(torch.randn(2, generator=made)),
    }


def split(data: bytes) -> tuple[dict, bytes]:
    """Return the header and the values of a file."""
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def test_the_library_reads_the_same_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_weights(path, arrays(), ABOUT)
    found = load_file(path)
    assert found.keys() == arrays().keys()
    for name, expected in arrays().items():
        assert found[name].dtype == expected.dtype
        assert torch.equal(found[name], expected)


def test_the_library_writes_the_same_file_but_for_the_seal(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_weights(path, arrays(), ABOUT)
    header, values = split(path.read_bytes())
    tensors = {name: one.detach().contiguous() for name, one in arrays().items()}
    of_library, same_values = split(save(tensors, ABOUT))
    assert values == same_values
    seal = header["__metadata__"].pop("seal")
    assert of_library["__metadata__"].pop("seal") == OPEN != seal
    assert header == of_library


@pytest.mark.parametrize("place", [20, -1])
def test_a_changed_byte_breaks_the_seal(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a.safetensors"
    write_weights(path, arrays(), ABOUT)
    data = bytearray(path.read_bytes())
    assert is_intact(bytes(data))
    data[place] ^= 1
    assert is_intact(bytes(data)) is False
