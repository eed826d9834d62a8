"""Checkpoints: files of weights, found, identified by their content and loaded safely.

In goes what the user names (a hub id, a folder, a file); out come its exact identity
(`CheckpointRef`, `WhisperFile`) and, on request, a model with these weights. Only plain tensors
are loaded, and no code that comes with a checkpoint is run.
Nothing here imports a backbone family or a pass over a corpus.

Door: `hugging_face.find`, `hugging_face.load_model`, `whisper_files.find`.
"""
