"""Splits: dividing the utterances of a manifest into train, dev and test.

A `Manifest` comes in, and the same manifest with a split for every row (U,) goes out; the choices
are kept in its provenance, and the same seed gives the same split. `by_share.py` draws splits by
share, with speakers kept apart unless the user wants otherwise; `folds.py` leaves out speakers,
sessions or corpora, one fold at a time.

Nothing here imports an importer or the audit. The door is `by_share.split` and `folds.split_off`.
"""
