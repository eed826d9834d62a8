"""Passes over a corpus: utterances are read ahead, encoded in batches and stored.

In go `PassWorker`s, each a model and the results that it fills in; the results on disk and one
`Outcome` for each worker come out. `run_pass` is the only driver: it takes one model or several,
of audio or of text. `feature_worker` fills a feature store; Whisper's decoder has workers of its
own in `extract.transcription`. `stream` is the loop over batches, `processes` spreads utterances
over several devices, and `recompute` compares stored features with new ones.
Nothing here imports a command or the decoder of Whisper.

Door: `run_pass.run_pass`, `feature_worker.fill_stores`, `recompute.recompute`.
"""
