"""A folder of safetensors files with a tensor `<content>/<array>`, (frames, width), per utterance.

The folder also has `features.json`, `features.parquet` with the file of each utterance, and for
int8 the channel scales.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from medusa.cache.exchange import sidecar
from medusa.cache.exchange.raw import Group, Header, batches
from medusa.cache.exchange.seal import unseal
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
            save_file(tensors, out / file, {"format": header.to_dict()["format"]})
            add(group.records, [file] * len(group.records))


def read(path: Path, header: Header) -> Iterator[Group]:
    """Yield the utterances of a folder."""
    table = sidecar.read_table(path)
    for part in batches(table["length"].to_numpy(), header):
        rows = table.slice(part.start, part.stop - part.start)
        contents, files = rows["content"].to_pylist(), rows["file"].to_pylist()
        columns: list[list[np.ndarray]] = [[] for _ in header.arrays]
        for file in dict.fromkeys(files):
            with safe_open(path / file, "np") as tensors:
                for content in [
                    c for c, its_file in zip(contents, files, strict=True) if its_file == file
                ]:
                    for array, column in zip(header.arrays, columns, strict=True):
                        column.append(tensors.get_tensor(f"{content}/{array.name}"))
        yield Group(unseal(rows), [np.concatenate(column) for column in columns])
