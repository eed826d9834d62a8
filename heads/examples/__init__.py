"""The utterances that a head is trained on: labels and features, joined by content.

In: a `Manifest` with splits and the feature stores of a workspace. Out: `Examples`, N rows with
soft labels (N, C), consensus classes (N,), ratings (N, 3), votes (N, C) and M streams of features;
samplers that draw the rows of an epoch.

The folder never imports training, fitting or queue.

Door: `choose.choose` finds stores by name, `join.join_examples` joins them with a manifest, and
`sampling.SAMPLERS` has the samplers by name.
"""
