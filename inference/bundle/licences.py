"""The licences of well-known backbones, as their publishers state them."""

LICENCES = {
    "microsoft/wavlm": "CC BY-SA 3.0",
    "microsoft/deberta": "MIT",
    "facebook/hubert": "Apache-2.0",
    "facebook/wav2vec2": "Apache-2.0",
    "facebook/data2vec": "Apache-2.0",
    "FacebookAI/": "MIT",
    "answerdotai/ModernBERT": "Apache-2.0",
    "google-bert/": "Apache-2.0",
    "openai-whisper/": "MIT",
    "openai/whisper": "Apache-2.0",
    "eGeMAPS": "openSMILE's licence: private use and research only",
    "mel_": "none is needed: this package computes these features",
}
UNKNOWN = "unknown; see the publisher of the checkpoint"


def licence_of(checkpoint: str) -> str:
    """Return the licence of a checkpoint, by the beginning of its name."""
    known = (licence for start, licence in LICENCES.items() if checkpoint.startswith(start))
    return next(known, UNKNOWN)
