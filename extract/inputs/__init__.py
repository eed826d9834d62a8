"""Inputs: what is to be encoded, and which utterances share a batch.

In goes a `Manifest`; out come `Utterance`s, each with a segment of a recording or a text
(`utterances`), samples (S,) of a segment at the rate an encoder needs (`segments`), and batches
of utterances of similar length (`batches`).
Nothing here imports a model, a backbone, or torch.

Door: `Utterance`, `plan_batches`, `read_segment`.
"""

from medusa.extract.inputs.batches import Utterance, plan_batches
from medusa.extract.inputs.segments import Segment, Wave, check_content, read_segment
from medusa.extract.inputs.utterances import audio_utterances

__all__ = [
    "Segment",
    "Utterance",
    "Wave",
    "audio_utterances",
    "check_content",
    "plan_batches",
    "read_segment",
]
