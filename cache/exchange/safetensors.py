"""A folder of safetensors files with a tensor `<content>/<array>`, (frames, width), per utterance.

The folder also has `features.json`, `features.parquet` with the file of each utterance, and for
int8 the channel scales.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
from safetensors import safe_open
from safetensors.numpy import save

from medusa.cache.exchange import sidecar
from medusa.cache.exchange.raw import Group, Header, Rows
from medusa.cache.exchange.sidecar import read_header as read_header  # all folders share it


def write(out: Path, header: Header, groups: Iterable[Group]) -> None:
    """Write the folder, one file per group of utterances."""
    arrays = [array.name for array in header.arrays]
    with sidecar.sidecar(out, header) as add:
        for number, group in enumerate(groups):
            file = f"features-{number:05d}.safetensors"
            tensors = {
                f"{record.content}/{name}": values
                for record, rows in group.each()
                for name, values in zip(arrays, rows, strict=True)
            }
            about = {"format": header.to_dict()["format"]}
            (out / file).write_bytes(save(tensors, about))
            add(group.records, [file] * len(group.records))


def read(path: Path, header: Header) -> Iterator[Group]:
    """Return the utterances of a folder, one group after the other."""
    arrays = [array.name for array in header.arrays]

    def frames(records: pa.Table) -> Iterator[list[Rows]]:
        pairs = zip(records["file"].to_pylist(), records["content"].to_pylist(), strict=True)
        for file, utterances in groupby(pairs, itemgetter(0)):
            with safe_open(path / file, "np") as tensors:
                for _, content in utterances:
                    yield [tensors.get_tensor(f"{content}/{name}") for name in arrays]

    return sidecar.read_groups(path, header, frames)
