"""Inference: a finished head or ensemble predicts new recordings.

Recordings come in: files, clips in memory, or rows of a table. A table comes out, with one row for
each utterance: its path and times, the posteriors (C,), the attributes, the transcript and flags.
`parts` is the record of everything that a model needs. `from_workspace` fills it from a run, and
`bundle` from a folder that was handed on.
`encoders` runs each frozen backbone once for each recording and keeps the features in memory
until the heads have read them (`predictors`). `recordings` finds the inputs.

This room stands on extract, heads and ensemble; nothing but the commands imports it.
The door: `load.load` returns a `model.Model`.
"""
