"""Cutting: long recordings become utterances with times.

A recording comes in, and its pieces go out. `speech` finds the stretches of speech with silero-vad,
reading the file block by block. `windows` cuts at a fixed length and averages windows that overlap.
`cut` chooses between them. `options` has the settings.
Nothing here imports a model.

The door: `cut.cut_recordings`, `options.CutOptions`.
"""
