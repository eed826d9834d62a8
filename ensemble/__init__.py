"""Ensembles: many finished runs are combined into one run of kind `stack`.

Run folders come in; `members.join` aligns their predictions by utterance id, (M, B, C). A stacker
turns them into a `StackOutput` with logits (B, C) and, where members predict them, attributes
(B, 3). `voting` learns nothing; `linear` (with `soup`), `opinion_pool`, `scikit_learn` and `forest`
learn from a split that the members were not trained on.

This room imports heads, scoring, manifests and the root modules, never reports or recipes.
The door: `fit_stack.stack` fits and writes a stack, `apply.apply` predicts other utterances with a
finished head or stack, `members.trained_on` tells which splits a run was trained on.
"""
