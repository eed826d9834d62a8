"""Transcription: speech becomes text with Whisper, in one table for each model.

In go a workspace with a manifest and the name of a model; rows of `transcripts/NAME.parquet`
(text, language, log-probability, flags, word times) come out. `decoder` runs the model, `policy`
treats flagged texts, `table` and `sink` write the rows. `transcript_worker` and `joint_worker`
take part in a pass over the corpus; the second one fills a feature store, too.
Nothing here imports a command.

Door: `transcribe.transcribe`, `joint_worker.JointWorker`.
"""
