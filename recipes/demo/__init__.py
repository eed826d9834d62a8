"""The demo: a small made-up corpus, taken through the whole pipeline.

In: an empty folder, a scale and a seed. Out: wav files of synthetic speech, a manifest with
votes, random-weight checkpoints for five backbones, features, heads, an ensemble and a report.
`world.py` states every probability, so that the best possible score is known; `latents.parquet`
keeps the variables that were drawn.

The demo calls the same commands as a user. It never imports the recipes' own modules.

The door: `run.demo`, `corpus.make_corpus` and `checkpoints.write_checkpoints`.
"""
