"""Stores in other formats, bit for bit: HDF5, folders of .npy, safetensors, and Arrow.

A format's `write` takes a `Header`, which describes the features, and `Group`s of utterances, which
hold records and one matrix (N, D) for every stored array. Its `read_header` and `read` return them
again. All records carry their checksums, so that an import notices damage.

Other code enters through `convert.export` and `convert.import_`, and through
`foreign.import_foreign` for .npy files of other tools. This room never imports `cache.upkeep`.
"""

FORMATS = ("hdf5", "npy", "safetensors", "arrow")  # each is the name of a module in this folder
