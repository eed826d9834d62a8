"""Extraction: audio and text become features of frozen encoders, computed once.

In go a workspace with a manifest and the names of backbones; out come feature stores (layers
(T, D) for each utterance) and tables of transcripts. `planning` decides what is to be done,
`inputs` reads it, `backbones` and `checkpoints` provide the encoder, `encoders` runs it, `passes`
go over the corpus, and `transcription` is Whisper's decoder.
Nothing here imports heads, ensembles, reports or recipes.

Door: the commands `extract`, `transcribe`, `plan` and `cache verify`; in Python
`planning.plan_jobs` and `passes.multi_device.extract_on_devices`.
"""
