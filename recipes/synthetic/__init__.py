"""A synthetic corpus: made-up speech with votes, and random-weight stand-ins for the backbones.

In: a path, a size and a seed. Out: wav files, a manifest with votes, `latents.parquet` with the
variables that were drawn, and small checkpoints for five backbones. `world.py` states every
probability, so the best possible score is known.

The demo and `medusa run --tiny` use it. It never imports the recipes' own modules.

The door: `corpus.make_corpus`, `checkpoints.write_checkpoints`, `tiny_corpus.make_tiny_corpus`.
"""
