"""Self-supervised speech encoders that read samples: WavLM, HuBERT, wav2vec 2.0, data2vec."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from medusa.console import say
from medusa.errors import CheckpointError
from medusa.extract.checkpoints.hugging_face import (
    CheckpointRef,
    checkpoint_of,
    find,
    has_feature_extractor,
    load_model,
)
from medusa.extract.encoders.chunking import LAST_PIECE, Cut, cut_of
from medusa.extract.encoders.encoder import Backbone, Checkpoint, Encoded
from medusa.extract.encoders.front_end import quicken
from medusa.extract.encoders.wavlm_attention import fuse_attention
from medusa.extract.inputs.segments import RESAMPLER, Wave

CHECKPOINTS = {
    "wavlm": Checkpoint("microsoft/wavlm-large", 24, 1024),
    "hubert": Checkpoint("facebook/hubert-large-ls960-ft", 24, 1024),
    "hubert-xlarge": Checkpoint("facebook/hubert-xlarge-ls960-ft", 48, 1280),
    "wav2vec2": Checkpoint("facebook/wav2vec2-large-robust", 24, 1024),
    "data2vec-audio": Checkpoint("facebook/data2vec-audio-large-960h", 24, 1024),
}
INPUT, ON_HUB = "audio", True
# All published encoders have this rate, and this hop and receptive field in samples.
RATE_HZ, HOP, FIELD = 16_000, 320, 400
FRONT_FLOP_S = 5.0e9  # the operations of the convolutions per second of audio
# With a layer-norm front end, these models compute the same features of a clip in any batch.
# data2vec does not: its stacked positional convolutions read the padding.
MASKABLE = ("wavlm", "hubert", "wav2vec2")


def describe(name: str, checkpoint: str, revision: str | None) -> Backbone:
    """Return the facts of a checkpoint from its configuration.

    Raises:
        CheckpointError: the checkpoint cannot be found, or is not an encoder of samples.
    """
    ref = find(checkpoint, revision)
    return describe_config(name, ref, ref.config())


def describe_config(name: str, ref: CheckpointRef, config: Any) -> Backbone:
    """Return the facts of a checkpoint whose configuration is known."""
    if not reads_samples(config):
        raise CheckpointError(
            f"{ref.source}: a {config.model_type} model is no encoder of samples; expected wavlm, "
            "hubert, wav2vec2 or a similar model; for other kinds, use --backbone auto"
        )
    feature_extractor = _feature_extractor(ref)
    if not has_feature_extractor(ref.source):
        say(f"{ref.source}: no preprocessor_config.json; 16 kHz and normalised clips are assumed")
    rate_hz = int(feature_extractor.sampling_rate)
    front_end = list(zip(config.conv_kernel, config.conv_stride, strict=True))
    facts = _facts(name, ref.source, config.num_hidden_layers, config.hidden_size)
    return replace(
        facts,
        default_layers="last" if squeezes(config) else facts.default_layers,
        checkpoint=ref.name,
        revision=ref.revision,
        frame_shift_s=math.prod(config.conv_stride) / rate_hz,
        receptive_s=receptive_field(front_end) / rate_hz,
        rate_hz=rate_hz,
        preprocessing={
            "rate_hz": rate_hz,
            "resampler": f"soxr {RESAMPLER}",
            "normalize": bool(feature_extractor.do_normalize),
        },
    )


def published(name: str) -> Backbone:
    """Return the facts of the usual checkpoint, for plans."""
    usual = CHECKPOINTS[name]
    return _facts(name, usual.source, usual.layers, usual.width)


def _facts(name: str, source: str, layers: int, width: int) -> Backbone:
    """Return the facts that all encoders of this family share."""
    return Backbone(
        name=name,
        family="ssl",
        source=source,
        checkpoint=source,
        revision="",
        input=INPUT,
        n_layers=layers,
        width=width,
        frame_shift_s=HOP / RATE_HZ,
        rate_hz=RATE_HZ,
        default_layers="last4",
        preprocessing={},
        receptive_s=FIELD / RATE_HZ,
        front_flop_s=FRONT_FLOP_S,
        variants=("like", "piece_s", LAST_PIECE),
    )


def receptive_field(front_end: Sequence[tuple[int, int]]) -> int:
    """Return the samples that one frame needs, from the kernel and stride of each convolution."""
    field = 1
    for kernel, stride in reversed(front_end):
        field = (field - 1) * stride + kernel
    return field


def reads_samples(config: Any) -> bool:
    """Return whether a configuration describes convolutions over samples before the layers."""
    names = ("conv_kernel", "conv_stride", "hidden_size")
    return all(hasattr(config, name) for name in names) and not config.is_encoder_decoder


def squeezes(config: Any) -> bool:
    """Return whether several frames share a step of the transformer layers, as in SEW."""
    return getattr(config, "squeeze_factor", 1) > 1


def ignores_padding(config: Any) -> bool:
    """Return whether masks are enough for a clip's features to be the same in any batch.

    A batch norm before HuBERT's positional convolution shifts the padding away from zero, so that
    the last frames of a clip read it.
    """
    return (
        config.model_type in MASKABLE
        and config.feat_extract_norm == "layer"
        and not getattr(config, "conv_pos_batch_norm", False)
    )


def load(backbone: Backbone, layers: tuple[int, ...], device: str) -> "SpeechEncoder":
    """Read the weights.

    Raises:
        CheckpointError: the weights cannot be read, or are incomplete, or the model has no frames
            in its inner layers.
    """
    ref = checkpoint_of(backbone)
    config = ref.config()
    if squeezes(config) and layers != (backbone.n_layers,):
        raise CheckpointError(
            f"{ref.source}: the layers of a {config.model_type} model have one state for "
            f"{config.squeeze_factor} frames; expected the last layer alone; choose --layers last"
        )
    if hasattr(config, "add_adapter"):
        config.add_adapter = False  # an adapter after the last layer changes the frame rate
    wavlm = config.model_type == "wavlm"  # transformers has no fused attention for it.
    attention = {"attn_implementation": "eager"} if wavlm else {}
    model = load_model(backbone, device, config=config, **attention)
    if wavlm:
        fuse_attention(model)
    if device == "cpu":
        quicken(model)
    feature_extractor = _feature_extractor(ref)
    hop = math.prod(config.conv_stride)
    cut = cut_of(backbone.preprocessing, int(feature_extractor.sampling_rate), hop)
    return SpeechEncoder(model, feature_extractor, layers, cut)


def _feature_extractor(ref: CheckpointRef) -> Any:
    """Return the checkpoint's own normalisation and rate; by default those of wav2vec 2.0."""
    import transformers

    library: Any = transformers  # these classes have no types
    if not has_feature_extractor(ref.source):
        return library.Wav2Vec2FeatureExtractor()
    return ref.read(library.AutoFeatureExtractor, "preprocessor_config.json")


@dataclass(frozen=True)
class Clip:
    """The normalised samples of a clip, whole or in pieces.

    Attributes:
        pieces: the samples (S_i,) of each piece; one piece if the encoder does not cut.
        frames: the number of frames of the whole clip.
        flags: `padded` if a piece was too short for one frame.
    """

    pieces: list[Tensor]
    frames: int
    flags: tuple[str, ...]


class SpeechEncoder:
    """A Hugging Face speech encoder over samples.

    With a layer-norm front end, clips of different lengths share a batch under attention masks.
    Other front ends average over time, padding included, and some models convolve the padding
    (`ignores_padding`); there only clips of equal length share a batch. The frames are cut to the
    number that belongs to the true length. Clips that are shorter than the front end's receptive
    field are padded with zeros to its length, and flagged.

    Args:
        model: the model that `AutoModel` loads.
        feature_extractor: the checkpoint's feature extractor.
        layers: the layers to return, as in `docs/contracts.md`.
        cut: how clips are cut into pieces for the encoder; None leaves them whole.
    """

    def __init__(
        self, model: Any, feature_extractor: Any, layers: tuple[int, ...], cut: Cut | None = None
    ) -> None:
        config = model.config
        self.model, self.feature_extractor, self.layers, self.cut = (
            model,
            feature_extractor,
            layers,
            cut,
        )
        self.front_end = list(zip(config.conv_kernel, config.conv_stride, strict=True))
        self.batch_invariant = ignores_padding(config)

    def prepare(self, source: Wave) -> Clip:
        normalised = self.feature_extractor(
            source, sampling_rate=self.feature_extractor.sampling_rate, padding=False
        )
        samples = torch.as_tensor(normalised["input_values"][0], dtype=torch.float32)
        pieces = self.cut.pieces(samples) if self.cut else [samples]
        short = any(len(piece) < self.receptive_field for piece in pieces)
        padded_pieces = [self._at_least_one_frame(piece) for piece in pieces]
        frames = self.frames(max(len(samples), self.receptive_field))
        return Clip(padded_pieces, frames, ("padded",) if short else ())

    def _at_least_one_frame(self, samples: Tensor) -> Tensor:
        """Pad samples (S,) with zeros to the length of one frame."""
        lacking = max(self.receptive_field - len(samples), 0)
        return torch.nn.functional.pad(samples, (0, lacking))

    @property
    def receptive_field(self) -> int:
        """The number of samples that one frame needs."""
        return receptive_field(self.front_end)

    def frames(self, samples: int) -> int:
        """Return the number of frames of this many samples."""
        for kernel, stride in self.front_end:
            samples = (samples - kernel) // stride + 1
        return samples

    def encode(self, items: Sequence[Clip]) -> list[Encoded]:
        features = iter(self._pieces([piece for item in items for piece in item.pieces]))
        encoded = []
        for item in items:
            pieces = [next(features) for _ in item.pieces]
            values = self.cut.join(pieces, item.frames) if self.cut else pieces[0]
            encoded.append(Encoded(values, item.flags))
        return encoded

    def _pieces(self, pieces: Sequence[Tensor]) -> list[Tensor]:
        """Return features (K, T_i, D) of samples (S_i,), in batches that the front end allows."""
        if self.batch_invariant:
            return self._batch(pieces)
        order = sorted(range(len(pieces)), key=lambda index: len(pieces[index]))
        by_index: dict[int, Tensor] = {}
        for _, group in groupby(order, key=lambda index: len(pieces[index])):
            equal_length = list(group)
            by_index |= zip(
                equal_length, self._batch([pieces[index] for index in equal_length]), strict=True
            )
        return [by_index[index] for index in range(len(pieces))]

    @torch.inference_mode()
    def _batch(self, pieces: Sequence[Tensor]) -> list[Tensor]:
        """Return the features (K, T_i, D) of samples (S_i,), from one call of the model."""
        lengths = [len(piece) for piece in pieces]
        samples = pad_sequence(list(pieces), batch_first=True)
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        ragged = min(lengths) < max(lengths)
        output = self.model(
            samples.to(self.model.device),
            attention_mask=mask.to(self.model.device).long() if ragged else None,
            output_hidden_states=True,
        )
        # In stable-layer-norm models, the last entry of `hidden_states` lacks the final norm.
        states = (*output.hidden_states[:-1], output.last_hidden_state)
        kept = torch.stack([states[layer] for layer in self.layers], 1)
        return [
            values[:, : self.frames(length)] for values, length in zip(kept, lengths, strict=True)
        ]
