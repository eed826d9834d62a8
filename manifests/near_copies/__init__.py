"""Near copies are one recording in another coding, sample rate or loudness, or cut at its ends.

The input is a `Manifest` with recordings; the result is the manifest whose provenance names the
pairs of contents that are near copies. Splits and folds keep such pairs together. `prints.py`
compares short prints of all clips, `search.py` compares the samples of likely pairs, and `known.py`
keeps the pairs in the provenance.

Nothing here imports an importer, a split or the audit. The doors are `known.with_near_copies` and
`known.near_copies_of`.
"""
