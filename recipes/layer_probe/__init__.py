"""The choice of a backbone's layers from a sample of training utterances, before the extraction.

In: a workspace with a manifest and the name of a backbone. Out: the unweighted average recall of a
convex probe on every layer, with intervals, the layer to extract, and the bytes that it takes.
`sample` draws whole speakers of the training split, `averages` extracts all layers of the sample
and averages them over time, and `convex_probe` predicts every utterance from other speakers.

Door: `probe_layers.probe_layers`.
"""
