"""From a workspace and a configuration to a trained head, and from its run back to a head.

`fit.prepare` takes a `Workspace` and a `HeadSpec` and returns a `HeadJob`: the joined `Examples` (N
utterances), the fold of each, and the record that becomes the run's config.yaml. `fit.fit` trains
the job through its stages, or solves it in closed form, and writes a `RunDir` with logits (N, C)
and attributes (N, 3) as `Predictions`. `apply` rebuilds the head of a finished run and predicts the
utterances of any workspace.

The folder is entered through `fit.prepare`, `fit.fit` and `apply.apply`. It never imports
`heads.queue`, `extract`, or anything that reads several runs.
"""
