"""Stores in other formats, bit for bit: HDF5, folders of .npy, safetensors, Arrow.

A `Header` (what the features are) and `Group`s of utterances (records and frames, one (N, D) array
for every stored array) go to a format's `write` and come back from its `read`. All records carry
their checksums, so that damage is noticed on the way back.

Its door: `convert.export` and `convert.import_`, and `foreign.import_foreign` for .npy files of
other tools. It never imports `cache.upkeep`.
"""
