"""One HDF5 file, with every array whole and in chunks, and with the offsets of the utterances.

/<array>      (frames, width)   also `<array>_scale` for int8
/offsets      (utterances + 1)  utterance b is rows offsets[b] to offsets[b + 1]
/contents     (utterances)      the digest of its audio or text
/crc32c /flags /error           the columns of the store's index; flags are JSON
/seal                           the crc32c of these columns of each utterance
/header                         JSON: format, spec, provenance, counts; the file's attribute: spec
/channels/<array>  (2, width)   mean and deviation of the channels of int8 features
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
from safetensors.numpy import load

from medusa.cache.exchange.raw import Group, Header, batches
from medusa.cache.exchange.seal import SEALED, seal, seal_header, unseal, unseal_header
from medusa.cache.layout import CHUNK_FRAMES

CHANNELS_FILE = "channels.safetensors"


def write(out: Path, header: Header, groups: Iterable[Group]) -> None:
    """Write the file."""
    with h5py.File(out, "w") as file:
        _write_header(file, header)
        utterance = frame = 0
        for group in groups:
            count, frames = len(group.records), int(group.offsets[-1])
            rows = slice(utterance, utterance + count)
            for array, values in zip(header.arrays, group.arrays, strict=True):
                file[array.name][frame : frame + frames] = values
            for name, column in _columns(seal(group.records)).items():
                file[name][rows] = column
            file["offsets"][utterance + 1 : utterance + count + 1] = frame + group.offsets[1:]
            utterance, frame = utterance + count, frame + frames


def read_header(path: Path) -> Header:
    """Return the header of a file."""
    with h5py.File(path, "r") as file:
        values = unseal_header(json.loads(file["header"][()]))
        channels = file[CHANNELS_FILE][()].tobytes() if CHANNELS_FILE in file else None
    return Header.from_dict(values, channels)


def read(path: Path, header: Header) -> Iterator[Group]:
    """Yield the utterances of a file."""
    with h5py.File(path, "r") as file:
        offsets = file["offsets"][()]
        lengths = np.diff(offsets)
        for part in batches(lengths, header):
            columns = {
                "content": file["contents"].asstr()[part],
                "length": lengths[part],
                "crc32c": file["crc32c"][part].tolist(),
                "flags": [json.loads(flags) for flags in file["flags"].asstr()[part]],
                "error": file["error"][part],
                "seal": file["seal"][part],
            }
            frames = slice(int(offsets[part.start]), int(offsets[part.stop]))
            arrays = [file[array.name][frames] for array in header.arrays]
            yield Group(unseal(pa.table(columns, SEALED)), arrays)


def _write_header(file: Any, header: Header) -> None:
    """Write the header and make all data sets, still empty."""
    file.attrs["spec"] = json.dumps(
        header.spec.to_dict()
    )  # for other programs; our own reads the header
    file["header"] = json.dumps(seal_header(header.to_dict()))
    for array in header.arrays:
        chunk = min(CHUNK_FRAMES, header.frames), array.width
        file.create_dataset(array.name, (header.frames, array.width), array.dtype, chunks=chunk)
    count, text = header.utterances, h5py.string_dtype()
    checksums = len(header.arrays) + (header.channels is not None)
    file.create_dataset("offsets", (count + 1,), np.int64)
    file.create_dataset("contents", (count,), text)
    file.create_dataset("crc32c", (count, checksums), np.uint32)
    file.create_dataset("flags", (count,), text)
    file.create_dataset("error", (count,), np.float32)
    file.create_dataset("seal", (count,), np.uint32)
    if header.channels is not None:  # the file, whose checksum the index has, and its readable form
        file[CHANNELS_FILE] = np.frombuffer(header.channels, np.uint8)
        for name, values in load(header.channels).items():
            file[f"channels/{name}"] = values


def _columns(records: pa.Table) -> dict[str, Any]:
    """Return data set -> values of these records."""
    return {
        "contents": records["content"].to_pylist(),
        "crc32c": np.array(records["crc32c"].to_pylist(), np.uint32),
        "flags": [json.dumps(flags) for flags in records["flags"].to_pylist()],
        "error": records["error"].to_numpy(),
        "seal": records["seal"].to_numpy(),
    }
