"""Writing a safetensors file array by array.

`safetensors.torch.save` copies all arrays into one piece of memory first.
"""

import json
from pathlib import Path

import torch
from torch import Tensor

from medusa.seal import write_sealed

# The names of the types in the format, in the order in which the library writes their arrays: large
# types come first, so that every array is aligned. Source: the README of huggingface/safetensors.
TYPES = {
    torch.int64: "I64",
    torch.float64: "F64",
    torch.float32: "F32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def write_weights(path: Path, tensors: dict[str, Tensor], about: dict[str, str]) -> None:
    """Write arrays and texts to a safetensors file with a seal; a power cut may damage it.

    Args:
        path: the file, which is replaced as a whole.
        tensors: name -> an array of any shape, on any device.
        about: texts of the header; one of them is `seal.OPEN`.
    """
    order = list(TYPES)
    names = sorted(tensors, key=lambda name: (order.index(tensors[name].dtype), name))
    header: dict[str, object] = {"__metadata__": about}
    parts, at = [], 0
    for name in names:
        tensor = tensors[name].detach().cpu().contiguous()
        data = tensor.reshape(-1).view(torch.uint8).numpy()
        offsets = [at, at := at + len(data)]
        shape = list(tensor.shape)
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": shape, "data_offsets": offsets}
        parts.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    write_sealed(path, len(text).to_bytes(8, "little") + text, *parts, durable=False)
