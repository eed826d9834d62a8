"""Work on whole stores: compress them, join them, and remove features that no manifest uses.

The functions take paths of stores. They make a new store, or leave a store with fewer files. A
committed utterance that is in use is never changed, so that a kill at any moment loses nothing.

Other code enters through `archive.archive` and `archive.restore`, `merge.merge`, and `waste.survey`
with `gc.clean`. This room reads stores through `cache.exchange`, which never imports it.
"""
