"""Passes over a corpus: utterances are read ahead, encoded in batches and stored.

The input is `PassWorker`s; each is a model with the results that it fills in. A pass writes the
results to the disk and records one `Outcome` for each worker. `run_pass` is the only driver, for
one model or several, of audio or of text. `feature_worker` fills a feature store; the workers of
Whisper's decoder are in `extract.transcription`. `stream` reads ahead and encodes, `plan` cuts the
batches, `processes` starts one for each device, `ray_extraction` gives batches to the workers of a
cluster, and `recompute` compares stored features with new ones.
Nothing here imports a command or the decoder of Whisper.

The door: `run_pass.run_pass`, `run_pass.fill_stores`, `recompute.recompute`.
"""
