"""Transcription: speech becomes text with Whisper, in one table for each model.

The input is a workspace with a manifest and the name of a model. The results are the rows of
`transcripts/NAME.parquet` (text, language, log-probability, flags, word times). `decoder` runs the
model, `policy` treats flagged texts, `table` and `sink` write the rows. `transcript_worker` and
`joint_worker` take part in a pass over the corpus; `joint_worker` fills a feature store, too.
Nothing here imports a command.

The door: `transcribe.transcribe`, `joint_worker.JointWorker`.
"""
