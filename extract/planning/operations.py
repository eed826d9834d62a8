"""The operations of encoding a corpus, and the hours that a device needs for them."""

from medusa.extract.planning.corpus_size import CorpusSize
from medusa.extract.planning.device_profile import DeviceProfile
from medusa.extract.planning.estimate import Estimate
from medusa.extract.planning.jobs import ExtractionJob

EXTRACT_MFU = 0.40  # the share of the device's peak that we assume
WHISPER_RATE = 50.0  # frames per second; Whisper's encoder always reads whole windows


def extract_hours(one: Estimate, corpus: CorpusSize, profile: DeviceProfile) -> float:
    """Return the hours of an extraction on one device."""
    return extract_flop(one, corpus) / (profile.flop_s * EXTRACT_MFU) / 3600


def extract_flop(one: Estimate, corpus: CorpusSize) -> float:
    """Return the operations of encoding a corpus: two per weight and token, and the attention."""
    spec = one.spec
    deepest = max(max(spec.layers), 1)
    a_token = 24 * deepest * spec.width**2  # A layer has 12 D^2 weights.
    seconds = corpus.all_s
    window_s: float | None = spec.preprocessing.get("window_s")
    if window_s:
        tokens, length = whisper_frames(corpus, window_s), window_s * WHISPER_RATE
    else:
        tokens = float(one.frames * spec.preprocessing.get("pool", 1))
        length = tokens / max(1, corpus.count)
    attention = 4 * deepest * spec.width * length
    return tokens * (a_token + attention) + one.backbone.front_flop_s * seconds


def utterance_flop(job: ExtractionJob, frames: int, seconds: float) -> float:
    """Return the operations of encoding one utterance; those of signal features are not known.

    Args:
        job: the encoder and its features.
        frames: the stored frames.
        seconds: the length of the recording.
    """
    if not job.backbone.n_layers:
        return 0.0
    return extract_flop(Estimate(job.backbone, job.spec, frames, {}, []), CorpusSize([seconds]))


def whisper_frames(corpus: CorpusSize, window_s: float) -> float:
    """Return the frames that Whisper's encoder reads, with the silence that fills the windows."""
    windows = sum(-(-max(length, 1e-3) // window_s) for length in corpus.seconds)
    return windows * window_s * WHISPER_RATE * corpus.each
