"""Heads: small models that are trained on cached features.

In: a manifest with splits and feature stores. Out: run folders with weights, metrics and
predictions (id, split, logits (C,), attributes (3,)). Each folder imports only folders to its left:

    config <- networks <- examples <- training <- closed_form <- fitting <- queue

`runs`, the run folders, lie below training. Nothing here imports `medusa.extract`: training needs
neither transformers nor whisper.

Door: `fitting.prepare.prepare` joins labels and features, `fitting.fit.fit` trains one head, and
`queue.train_all.train_all` trains many.
"""
