"""The utterances of a manifest are divided into train, dev and test.

The input is a `Manifest` and a `SplitPlan`, the choices of the split; the result is the same
manifest with a split for every row (U,). The plan is kept in its provenance, and the same seed
gives the same split. `by_share.py` draws splits by share, by speaker or by utterance; `folds.py`
leaves out speakers, sessions or corpora, one fold at a time.

Nothing here imports an importer or the audit. The door is `plan.divided`.
"""
