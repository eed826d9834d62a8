"""Checkpoints: files of weights are found, identified by their content and loaded safely.

The input is the name that the user gives: a hub id, a folder or a file. The result is the exact
identity (`CheckpointRef`, `WhisperFile`) and, on request, a model with these weights. Only plain
tensors are loaded, and no code that comes with a checkpoint is run.
Nothing here imports a backbone family or a pass over a corpus.

The door: `hugging_face.find`, `hugging_face.load_model`, `whisper_files.find`.
"""
