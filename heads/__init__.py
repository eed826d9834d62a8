"""Heads: small models that are trained on cached features.

In: a manifest with splits and feature stores. Out: run folders with weights, metrics and
predictions (id, split, logits (C,), attributes (3,)). Each folder imports only folders to its left:

    config <- spec <- networks <- examples <- training <- closed_form <- convex <- fitting
        <- imported <- queue

`spec` is a file. `runs`, the run folders, lie below training; `tracking` reads runs alone. Nothing
here imports `medusa.extract`: training needs neither transformers nor whisper.

Door: `queue.fit_heads.fit_heads` trains the heads of a list of `spec.HeadSpec`. It calls
`fitting.fit.prepare`, which joins labels and features, and `fitting.fit.fit` for each.
`imported` makes runs of weights from other programs.
"""
