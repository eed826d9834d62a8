"""Posteriors are compared with the shares of the raters, and a run with the raters themselves.

Shares (B, C) of an utterance's raters and posteriors (B, C) come in. Means over the utterances,
with bootstrap intervals, go out. `measures` has the formulas, `shares` their means, and
`human_agreement` the level that rater disagreement sets.
"""
