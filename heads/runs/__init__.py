"""A run on disk: one folder with configuration, weights, metrics, predictions and a mark.

`RunDir` reads and writes the folder: `start` takes the resolved configuration (plain values),
`log` appends a line of metrics, `finish` writes the mark, and `predictions` returns the
`Predictions` of a finished run, a row per utterance. `digest_of` names a configuration by 16 hex
digits, and `environment` records versions and hardware.

The folder is entered through `run_dir.RunDir`, `run_dir.find_run` and `run_dir.new_run`. Heads and
ensembles both write runs; the folder imports neither of them, nor any other part of `heads`.
"""
