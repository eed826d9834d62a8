"""Choices beyond the checkpoint: they change the features and are part of their identity."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from medusa.errors import ConfigError, nearest
from medusa.extract.encoders.chunking import LAST_PIECE
from medusa.extract.encoders.encoder import Backbone

# An argument of `variant` -> its key in `preprocessing`, which is part of a store's digest.
CHOICES = {name: name for name in ("precision", "like", "piece_s", "overlap_s", "window_s")}
CHOICES["average_frames"] = "pool"
NORM = "final_norm"  # This key is present if the last layer's states are those before the norm.
# What the mode `medusa-published` got later. A store that was written before lacks the key.
LATER = {NORM: "left out", LAST_PIECE: "padded"}
MODES = ("medusa-published",)
LEAST_OVERLAP_S = 0.1
LEAST_WINDOW_S = 1.0


def variant(
    backbone: Backbone,
    precision: str = "fp32",
    like: str | None = None,
    piece_s: float | None = None,
    overlap_s: float | None = None,
    window_s: float | None = None,
    average_frames: int = 1,
) -> Backbone:
    """Return a backbone with these choices.

    Args:
        backbone: the backbone as its family describes it.
        precision: the precision of the computation, `fp32`, `bf16` or `fp16`.
        like: the published features to reproduce: `medusa-published`.
        piece_s: the longest piece, in seconds, that a speech encoder takes in one call.
        overlap_s: the seconds that neighbouring pieces share.
        window_s: the seconds of Whisper's window, silence included, in place of its 30 s.
        average_frames: the number of frames that are averaged into one before they are stored.

    Raises:
        ConfigError: the backbone does not have a choice, or not with this value.
    """
    backbone = with_precision(backbone, precision)
    if like is not None:
        backbone = _like(backbone, like)
    if piece_s is not None:
        backbone = _windowed(backbone, piece_s, overlap_s)
    elif overlap_s is not None:
        raise ConfigError("overlap_s: belongs to piece_s; give both")
    if window_s is not None:
        backbone = _shortened(backbone, window_s)
    return backbone if average_frames == 1 else _averaged(backbone, average_frames)


def frames_averaged(backbone: Backbone) -> int:
    """Return the number of frames that are averaged into one."""
    return int(backbone.preprocessing.get(CHOICES["average_frames"], 1))


def variant_of_store(backbone: Backbone, preprocessing: Mapping[str, Any]) -> Backbone:
    """Return the backbone with the choices of a store's features."""
    chosen = {name: preprocessing[key] for name, key in CHOICES.items() if key in preprocessing}
    made = variant(backbone, **chosen)
    absent = LATER.keys() - preprocessing.keys()
    kept = {key: value for key, value in made.preprocessing.items() if key not in absent}
    return replace(made, preprocessing=kept)


def _like(backbone: Backbone, like: str) -> Backbone:
    """Return the backbone in the mode of published features."""
    if like not in MODES:
        raise ConfigError(f"like={like}: expected {', '.join(MODES)}{nearest(like, MODES)}")
    if "like" not in backbone.variants:
        raise ConfigError(f"like={like}: there is no such mode of {backbone.name}; leave like out")
    later = {key: value for key, value in LATER.items() if key in backbone.variants}
    return replace(backbone, preprocessing=backbone.preprocessing | {"like": like} | later)


def _averaged(backbone: Backbone, frames: int) -> Backbone:
    """Return the backbone with so many frames averaged into one."""
    if backbone.frame_shift_s is None:
        raise ConfigError(
            f"average_frames: {backbone.name} has no frames in time; leave average_frames out"
        )
    shift_s = backbone.frame_shift_s * frames
    choices = backbone.preprocessing | {CHOICES["average_frames"]: frames}
    return replace(backbone, frame_shift_s=shift_s, preprocessing=choices)


def _shortened(backbone: Backbone, window_s: float) -> Backbone:
    """Return a Whisper backbone with a shorter window."""
    whole_s = backbone.preprocessing.get("window_s")
    if whole_s is None:
        raise ConfigError(
            f"window_s: only Whisper has this option; extract {backbone.name} without it"
        )
    if window_s == whole_s:
        return backbone
    if not LEAST_WINDOW_S <= window_s <= whole_s:
        raise ConfigError(
            f"window_s={window_s:g}: expected {LEAST_WINDOW_S:g} to {whole_s:g} s, the model's "
            "whole window"
        )
    if "like" in backbone.preprocessing:
        raise ConfigError(
            "window_s: like=medusa-published has the whole window; leave one of them out"
        )
    shift_s = backbone.frame_shift_s or 1.0
    window_s = round(round(window_s / shift_s) * shift_s, 6)  # whole frames
    choices = backbone.preprocessing | {"window_s": window_s}
    return replace(backbone, least_s=window_s, preprocessing=choices)


def _windowed(backbone: Backbone, piece_s: float, overlap_s: float | None) -> Backbone:
    """Return a speech backbone that cuts its clips into pieces."""
    if "piece_s" not in backbone.variants:
        raise ConfigError(f"piece_s: {backbone.name} cannot cut its clips; leave piece_s out")
    if "like" in backbone.preprocessing:
        raise ConfigError(
            "piece_s: like=medusa-published has its own pieces; leave one of them out"
        )
    overlap_s = 2.0 if overlap_s is None else overlap_s
    if not LEAST_OVERLAP_S <= overlap_s <= piece_s / 2:
        raise ConfigError(
            f"overlap_s={overlap_s:g}: expected {LEAST_OVERLAP_S:g} s to half of piece_s "
            f"({piece_s / 2:g} s)"
        )
    pieces = {"piece_s": float(piece_s), "overlap_s": float(overlap_s)}
    return replace(backbone, preprocessing=backbone.preprocessing | pieces)


def with_precision(backbone: Backbone, precision: str) -> Backbone:
    """Return the backbone in a precision; half precision is part of the features' identity.

    Signal features have no weights and are always float32.
    """
    if precision == "fp32" or not backbone.n_layers:
        return backbone
    return replace(backbone, preprocessing=backbone.preprocessing | {"precision": precision})
