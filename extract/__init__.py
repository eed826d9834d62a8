"""Extraction: audio and text become features of frozen encoders, computed once.

The input is a workspace with a manifest and the names of backbones. The results are feature stores
(layers (T, D) for each utterance) and tables of transcripts. `planning` lists the work, `inputs`
reads the utterances, `backbones` and `checkpoints` provide the encoder, `encoders` runs it,
`passes` go over the corpus, and `transcription` is Whisper's decoder.
Nothing here imports heads, ensembles, reports or recipes.

The door: the commands `extract`, `transcribe`, `plan` and `cache verify`; in Python
`extract_features.extract_features` and `transcription.transcribe.transcribe`.
"""
