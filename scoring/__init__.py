"""Evaluation: how good predictions are, and whether one prediction is better than another.

Predictions (a table of logits per utterance id) come in; a manifest gives the truth. Plain numbers
go out: scores from confusion matrices (C, C), bootstrap intervals, chance levels and p values.
`predictions` holds and stores them, `truth` joins them with a manifest, `metrics` has the formulas,
`resampling` the bootstrap, `significance` the paired comparisons.

This room imports manifests and the root modules, never heads, ensembles, reports or recipes.
The door: `Predictions`, `truth_of`, `judge` (all scores of one run's predictions), `score_runs`
(many runs on the same resamples) and `paired` (is the first of two predictions better?).
"""
