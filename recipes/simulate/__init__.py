"""A simulated corpus of features, whose best possible score is known exactly.

In: a workspace, the number of utterances N, the width D and a seed. Out: a manifest with votes,
speakers and splits, and one store of frames (T, D) for each of five streams; also
`ceiling.parquet` with the exact log-likelihoods (N, C) and `simulation.json` with the scores.
`world.py` states the model, `draw.py` draws from it, `likelihood.py` inverts it.

There is no audio, and no backbone, head or ensemble is ever imported.

The door: `run.simulate` and `run.show`.
"""
