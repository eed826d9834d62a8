"""Work on whole stores: compressed copies, stores joined, features removed that nothing uses.

Paths of stores come in; a new store, or a store with fewer files, goes out. What is committed and
used is never changed, so a kill at any moment loses nothing.

Its door: `archive.archive` and `archive.restore`, `merge.merge`, and `gc.survey` with `gc.clean`.
It reads stores through `cache.exchange`, which never imports it.
"""
