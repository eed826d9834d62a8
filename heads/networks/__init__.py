"""Torch modules: from packed features to class logits and attributes.

In: M `Packed` modalities of the same B utterances, each with values (N, D). Out: logits (B, C) and
attributes (B, 3). A `Head` is an input scaling per modality, a fusion to x (B, D), and an output.
Floating-point operations, compilation and what fits into memory belong to the networks as well.

The folder imports the settings of `heads.config`. It never imports examples, files or training.

Door: `head.build` makes a `Head`; `memory.embed_in_parts` and `memory.predict_in_parts` run it in
parts.
"""
