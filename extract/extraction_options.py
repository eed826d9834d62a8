"""The options of an extraction, checked before any work begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medusa.errors import ConfigError, nearest

CHOICES: dict[str, tuple[object, ...]] = {
    "reduce": ("none", "sum", "mean"),
    "dtype": (None, "float16", "float32", "int8"),
    "non_finite": ("refuse", "clamp"),
    "precision": ("auto", "fp32", "bf16", "fp16"),
    "average_frames": (1, 2, 4),
}
LEAST_PIECE_S = 0.5


@dataclass(frozen=True)
class FurtherOptions:
    """The less common options of an extraction; on the command line, `--set NAME=VALUE`.

    Attributes:
        dtype: the dtype of the stored numbers: `float16`, `float32` or `int8`; by default the
            backbone's own (`float16`; eGeMAPS `float32`).
        average_frames: the number of consecutive audio frames that become one before they are
            stored: 1, 2 or 4. The value 2 halves the size on the disk.
        precision: the precision of the computation: `fp32`, `bf16`, `fp16`; `auto` is bf16 on a GPU
            that supports it, else fp32. Half precision is checked against float32 on the first
            utterance, and it is part of the identity of the features.
        non_finite: if features overflow the dtype, either the utterance is not stored (`refuse`),
            or the largest finite number replaces them and the utterance is flagged (`clamp`).
        compile: let `torch.compile` make the encoder's kernels first. This takes minutes, and saves
            time in long extractions on a GPU. The features change only by rounding.
        like: the published features to reproduce: `medusa-published` (pieces of 3,000 samples; one
            real token at each end is dropped; Whisper's windows of 30 s are kept whole).
        piece_s: the longest piece in seconds that a speech encoder takes in one call; longer clips
            are cut with overlap. By default, clips stay whole.
        overlap_s: the seconds that neighbouring pieces share; 2 by default.
        window_s: the seconds of Whisper's window, with the silence after a short clip. A window of
            12 s needs a third of the work and gives other features, which cost little recall on two
            corpora of short clips (docs/results/extraction-choices.md).
        batch_seconds: the padded seconds of audio in a batch, which are halved when memory runs
            out. The default is 40 on a CPU (60 for Whisper), and on a GPU the measured capacity of
            its memory.
        language: the spoken language, for `transcribe`; by default it is detected.
        revision: the branch, tag or commit of a hub checkpoint.
        on: `ray` or `ray://HOST:PORT`, a Ray cluster that extracts; by default this machine does.
        workers: the number of workers of the cluster.
    """

    dtype: str | None = None
    average_frames: int = 1
    precision: str = "auto"
    non_finite: str = "refuse"
    compile: bool = False
    like: str | None = None
    piece_s: float | None = None
    overlap_s: float | None = None
    window_s: float | None = None
    batch_seconds: float | None = None
    language: str | None = None
    revision: str | None = None
    on: str | None = None
    workers: int = 1


@dataclass(frozen=True)
class ExtractionOptions(FurtherOptions):
    """All options of an extraction.

    Attributes:
        checkpoint: a folder, a file or a hub id in place of the backbone's usual checkpoint.
        label: another name for the one backbone.
        layers: the layers that are kept, as `parse_layers` takes them; by default the backbone's
            own choice.
        reduce: how several layers become one: `sum`, `mean`, or `none` to keep them apart.
        text: the source of the texts that text backbones read; see `medusa.manifests.texts`.
        splits: the splits to extract; by default all rows.
        device: `auto`, `cpu`, `cuda`, ...; a comma list starts one process for each device.
        shard: the share `I/N` of the utterances to extract, where N processes on one disk share the
            work; by default all of them.
        transcribe: whether Whisper also fills `transcripts/MODEL.parquet` in the same pass.
        force: remove the stored features first.
    """

    checkpoint: str | None = None
    label: str | None = None
    layers: str | None = None
    reduce: str = "sum"
    text: str | None = None
    splits: Sequence[str] = ()
    device: str = "auto"
    shard: str | None = None
    transcribe: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                names = [str(one) for one in allowed if one is not None]
                hint = nearest(str(value), names)
                raise ConfigError(f"{name}={value}: expected {', '.join(names)}{hint}")
        if self.piece_s is not None and self.piece_s < LEAST_PIECE_S:
            raise ConfigError(f"piece_s={self.piece_s:g}: expected at least {LEAST_PIECE_S} s")
        if self.batch_seconds is not None and not self.batch_seconds > 0:
            raise ConfigError(f"batch_seconds={self.batch_seconds:g}: expected more than 0 s")

    def variants(self, precision: str) -> dict[str, Any]:
        """Return the choices beyond the checkpoint that change the features, for `variant`."""
        names = ("like", "piece_s", "overlap_s", "window_s", "average_frames")
        return {name: getattr(self, name) for name in names} | {"precision": precision}

    def check(self, backbones: Sequence[str], devices: Sequence[str]) -> None:
        """Refuse options that contradict each other.

        Raises:
            ConfigError: two options contradict each other; the message names them.
        """
        if not devices:
            raise ConfigError("--device: expected the name of a device; use auto or cpu")
        if len(set(backbones)) > 1 and (self.checkpoint or self.revision or self.label):
            raise ConfigError("--checkpoint, revision and --as are for one backbone at a time")
        if self.language and not self.transcribe:
            raise ConfigError("language: belongs to --transcribe; give both")
        if self.transcribe and self.compile:
            raise ConfigError("compile: it excludes --transcribe; leave one of them out")
        if self.transcribe and len(devices) > 1:
            raise ConfigError("--device: --transcribe runs on one device; name only one")
        if self.shard is not None:
            self._check_shard(devices)
        if self.workers < 1 or (self.workers > 1 and self.on is None):
            raise ConfigError(f"workers={self.workers}: expected at least 1, with on=ray")
        if self.on is not None and (self.transcribe or self.shard or len(devices) > 1):
            raise ConfigError("on: it excludes --transcribe, --shard and several devices")

    def _check_shard(self, devices: Sequence[str]) -> None:
        """Refuse options that the other processes of a shared extraction would suffer from."""
        if self.force:
            raise ConfigError("--force: it would remove the features of other shares; leave it out")
        if self.transcribe:
            raise ConfigError("--transcribe: it excludes --shard; run `medusa transcribe` before")
        if len(devices) > 1:
            raise ConfigError("--device: a share runs on one device; name one, and use more shares")
