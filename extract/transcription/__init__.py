"""Transcription: speech becomes text with Whisper, in one table for each model.

In go `Utterance`s with segments of audio; out come rows of `transcripts/NAME.parquet` (text,
language, log-probability, flags, word times). `decoder` runs the model, `policy` treats flagged
texts, `table` writes the rows, `transcribe` goes over the corpus, and `whisper_joint` fills a
feature store in the same pass.
Nothing here imports a command.

Door: `transcribe.transcribe`, `whisper_joint.extract_and_transcribe`.
"""
