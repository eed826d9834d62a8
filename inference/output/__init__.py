"""Output: a table of predictions is written in the formats of other programs.

The table of `medusa.inference.result_table` comes in, one row for each utterance. `tables` writes
it as csv, JSON lines, Parquet, or a table of audformat. `tracks` writes the labels with their times
for Audacity, WebVTT and RTTM. `timeline` draws the posteriors below the waveform.
Nothing here imports torch or a model.

The door: `tables.write_predictions`, `timeline.draw_timeline`.
"""
