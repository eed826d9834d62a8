"""Inputs: the utterances to encode, their samples, and their division into batches.

The input is a `Manifest`. The results are `Utterance`s, each with a segment of a recording or a
text (`utterances`, `text_utterances`), and the samples (S,) of a segment at the encoder's rate
(`segments`).
Nothing here imports a model, a backbone, or torch.

The door: `Utterance`, `read_segment`.
"""

from medusa.extract.inputs.segments import (
    Segment,
    Sound,
    Wave,
    check_content,
    read_segment,
    read_sound,
)
from medusa.extract.inputs.utterances import Utterance, audio_utterances

__all__ = [
    "Segment",
    "Sound",
    "Utterance",
    "Wave",
    "audio_utterances",
    "check_content",
    "read_segment",
    "read_sound",
]
