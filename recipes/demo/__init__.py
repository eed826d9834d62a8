"""The demo: the whole pipeline runs on a small made-up corpus.

In: an empty folder, a scale and a seed. Out: wav files of synthetic speech, a manifest with
votes, random-weight checkpoints for five backbones, features, heads, an ensemble and a report.
`world.py` states every probability, so the best possible score is known. `latents.parquet`
stores the variables that were drawn.

The demo calls the same commands as a user. It never imports the recipes' own modules.

The door: `run.demo`, `corpus.make_corpus` and `checkpoints.write_checkpoints`.
"""
