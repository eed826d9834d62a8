"""The settings of the cutting, checked before any work begins."""

from dataclasses import dataclass

from medusa.errors import ConfigError
from medusa.extract.inputs.utterances import LONGEST_S


@dataclass(frozen=True)
class FurtherCutOptions:
    """The less common settings; on the command line, `--set NAME=VALUE`.

    Attributes:
        vad_threshold: the probability of speech above which a frame is speech.
        vad_silence_s: the silence, in seconds, that ends an utterance.
        vad_least_s: the shortest stretch of speech that counts.
        vad_longest_s: a longer utterance is cut at its longest pause.
        vad_pad_s: the seconds of sound that are kept before and after the speech.
    """

    vad_threshold: float = 0.5
    vad_silence_s: float = 0.5
    vad_least_s: float = 0.25
    vad_longest_s: float = 15.0
    vad_pad_s: float = 0.1


@dataclass(frozen=True)
class FurtherPredictOptions(FurtherCutOptions):
    """The less common settings of a prediction.

    Attributes:
        on: `ray` or `ray://HOST:PORT`, a Ray cluster that predicts; by default this machine does.
        workers: the number of workers of the cluster.
    """

    on: str | None = None
    workers: int = 1


@dataclass(frozen=True)
class CutOptions(FurtherCutOptions):
    """The settings of the cutting. By default, every recording is one utterance.

    Attributes:
        vad: cut at silences.
        window_s: the length of a window in seconds, in place of `vad`.
        hop_s: the seconds from one window to the next; by default half of a window. The result has
            one row for each hop, with the mean of the windows that contain it.
    """

    vad: bool = False
    window_s: float | None = None
    hop_s: float | None = None

    def __post_init__(self) -> None:
        if self.vad and self.window_s is not None:
            raise ConfigError("--vad and --window-s exclude each other; leave one of them out")
        if self.hop_s is not None and self.window_s is None:
            raise ConfigError("--hop-s belongs to --window-s; give both")
        if self.window_s is not None and not 0 < self.hop <= self.window_s <= LONGEST_S:
            raise ConfigError(
                f"--window-s {self.window_s:g} --hop-s {self.hop:g}: expected a window of at most "
                f"{LONGEST_S:g} s, and a hop above 0 that is not longer than the window"
            )
        if not 0 < self.vad_threshold < 1:
            raise ConfigError(f"vad_threshold={self.vad_threshold:g}: expected between 0 and 1")
        if not (0 < self.vad_longest_s <= LONGEST_S and self.vad_least_s < self.vad_longest_s):
            raise ConfigError(
                f"vad_longest_s={self.vad_longest_s:g}: expected more than vad_least_s "
                f"({self.vad_least_s:g} s), and at most {LONGEST_S:g} s"
            )

    @property
    def hop(self) -> float:
        """The seconds from one window to the next."""
        return (self.window_s or 0.0) / 2 if self.hop_s is None else self.hop_s
