"""Choices beyond the checkpoint that change the features, and so are part of their identity."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from medusa.errors import MedusaError, nearest
from medusa.extract.encoders import precision as half
from medusa.extract.encoders.encoder import Backbone

# as they stand in `preprocessing`
CHOICES = ("precision", "like", "piece_s", "overlap_s", "window_s", "pool")
LIKE = {"medusa-published": ("ssl", "text", "whisper", "whisper_hf")}
LEAST_OVERLAP_S = 0.1
LEAST_WINDOW_S = 1.0


class VariantError(MedusaError):
    """A choice that this backbone does not have."""


def variant(
    backbone: Backbone,
    precision: str = "fp32",
    like: str | None = None,
    piece_s: float | None = None,
    overlap_s: float | None = None,
    window_s: float | None = None,
    pool: int = 1,
) -> Backbone:
    """Return the backbone with choices made.

    Args:
        backbone: as described.
        precision: of the computation, `fp32`, `bf16` or `fp16`.
        like: whose features to reproduce: `medusa-published`.
        piece_s: the longest piece a speech encoder hears at once.
        overlap_s: how much neighbouring pieces share.
        window_s: what Whisper hears at once, silence included, in place of its 30 s.
        pool: frames averaged into one before they are stored.

    Raises:
        VariantError: not a choice of this backbone.
    """
    backbone = half.at(backbone, precision)
    if like is not None:
        backbone = _like(backbone, like)
    if piece_s is not None:
        backbone = _windowed(backbone, piece_s, overlap_s)
    elif overlap_s is not None:
        raise VariantError("--overlap-s: belongs to --piece-s; give both")
    if window_s is not None:
        backbone = _shortened(backbone, window_s)
    return backbone if pool == 1 else _pooled(backbone, pool)


def pool_of(backbone: Backbone) -> int:
    """Return how many frames are averaged into one."""
    return int(backbone.preprocessing.get("pool", 1))


def again(backbone: Backbone, preprocessing: Mapping[str, Any]) -> Backbone:
    """Return the backbone with the choices that a store's features were made with."""
    return variant(backbone, **{key: preprocessing[key] for key in CHOICES if key in preprocessing})


def _like(backbone: Backbone, like: str) -> Backbone:
    if like not in LIKE:
        raise VariantError(f"--like {like}: expected {', '.join(LIKE)}{nearest(like, LIKE)}")
    if backbone.family not in LIKE[like]:
        raise VariantError(f"--like {like}: has no {backbone.name} features; leave it out")
    return replace(backbone, preprocessing=backbone.preprocessing | {"like": like})


def _pooled(backbone: Backbone, pool: int) -> Backbone:
    if backbone.frame_shift_s is None:
        raise VariantError(f"--pool: {backbone.name} has no frames in time; leave it out")
    shift_s, choices = backbone.frame_shift_s * pool, backbone.preprocessing | {"pool": pool}
    return replace(backbone, frame_shift_s=shift_s, preprocessing=choices)


def _shortened(backbone: Backbone, window_s: float) -> Backbone:
    whole_s = backbone.preprocessing.get("window_s")
    if whole_s is None:
        raise VariantError(f"--window-s: Whisper's alone; extract {backbone.name} without it")
    if window_s == whole_s:
        return backbone
    if not LEAST_WINDOW_S <= window_s <= whole_s:
        raise VariantError(
            f"--window-s {window_s:g}: expected {LEAST_WINDOW_S:g} to {whole_s:g} s, which is all "
            "that the model can hear at once"
        )
    if "like" in backbone.preprocessing:
        raise VariantError("--window-s: --like has the whole window; leave one of them out")
    shift_s = backbone.frame_shift_s or 1.0
    window_s = round(round(window_s / shift_s) * shift_s, 6)  # whole frames
    choices = backbone.preprocessing | {"window_s": window_s}
    return replace(backbone, least_s=window_s, preprocessing=choices)


def _windowed(backbone: Backbone, piece_s: float, overlap_s: float | None) -> Backbone:
    if backbone.family != "ssl":
        raise VariantError(f"--piece-s: {backbone.name} has its own window or none; leave it out")
    if "like" in backbone.preprocessing:
        raise VariantError("--piece-s: --like has its own pieces; leave one of them out")
    overlap_s = 2.0 if overlap_s is None else overlap_s
    if not LEAST_OVERLAP_S <= overlap_s <= piece_s / 2:
        raise VariantError(
            f"--overlap-s {overlap_s:g}: expected {LEAST_OVERLAP_S:g} s to half of --piece-s "
            f"({piece_s / 2:g} s)"
        )
    pieces = {"piece_s": float(piece_s), "overlap_s": float(overlap_s)}
    return replace(backbone, preprocessing=backbone.preprocessing | pieces)
