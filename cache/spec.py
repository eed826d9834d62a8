"""The specification of a feature: everything that changes its numbers, and nothing else."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from medusa.errors import StoreError, nearest
from medusa.strict import quoted
from medusa.workspace import is_file_name

DTYPES = ("float16", "float32", "int8")
INPUTS = ("audio", "text")
REDUCTIONS = ("none", "sum", "mean")
TEXT_FIELDS = ("family", "checkpoint", "revision", "input", "reduce", "dtype")
MOST_LAYERS, MOST_WIDTH = 1_000, 100_000
LONGEST_BACKBONE = 150  # Suffixes follow, and file systems allow 255 bytes.


@dataclass(frozen=True)
class FeatureSpec:
    """The identity of a feature store; its digest names the folder.

    Attributes:
        backbone: the name that the user gave (`wavlm`, `auto`, ...), which is a label and not part
            of the identity.
        family: the file in `extract/backbones/` that computes the features.
        checkpoint: the hub id, or `local` for a folder or file on disk.
        revision: the hub revision, or the digest of the local checkpoint's files.
        input: `audio` or `text`, from which the features and the content digest are computed.
        layers: layer numbers as in `docs/contracts.md`, ascending and never negative.
        reduce: `none` keeps the layers apart; `sum` and `mean` leave one array.
        dtype: the type of the stored numbers, one of `DTYPES`.
        width: D, the number of values in a frame.
        frame_shift_s: seconds between frames; None for text.
        preprocessing: every other choice that changes the numbers, by name.
    """

    backbone: str
    family: str
    checkpoint: str
    revision: str
    input: str
    layers: tuple[int, ...]
    reduce: str
    dtype: str
    width: int
    frame_shift_s: float | None
    preprocessing: dict[str, Any]

    def __post_init__(self) -> None:
        if wrong := [f"{name} is {quoted(getattr(self, name))}" for name in _wrong_fields(self)]:
            raise StoreError(f"the feature specification is not valid: {', '.join(wrong)}")
        for name, known in {"dtype": DTYPES, "reduce": REDUCTIONS, "input": INPUTS}.items():
            value = getattr(self, name)
            if value not in known:
                hint = nearest(value, known)
                raise StoreError(
                    f"{name} is {quoted(value)}; expected one of {', '.join(known)}{hint}"
                )
        if not self.layers or list(self.layers) != sorted({*self.layers}) or self.layers[0] < 0:
            raise StoreError(f"layers are {self.layers}; expected ascending numbers from 0 on")

    @property
    def digest(self) -> str:
        """16 hex digits of the identity, which is all fields but `backbone`."""
        identity = {key: value for key, value in asdict(self).items() if key != "backbone"}
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def folder(self) -> str:
        """The store's folder name inside `features/`."""
        return f"{self.backbone}-{self.digest[:8]}.zarr"

    @property
    def arrays(self) -> tuple[str, ...]:
        """The names of the Zarr arrays: one for each kept layer, or one for the reduction."""
        if self.reduce != "none" and len(self.layers) > 1:
            return (self.reduce,)
        return tuple(f"layer_{layer}" for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"layers": list(self.layers)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "FeatureSpec":
        """Return the spec of the JSON values of `to_dict`.

        Raises:
            StoreError: a field is missing, unknown, or not valid.
        """
        expected = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or not isinstance(values.get("layers"), list | tuple):
            raise StoreError("the feature specification is no JSON object with a list of layers")
        if set(values) != expected:
            odd = ", ".join(sorted(set(values) ^ expected))
            raise StoreError(f"the feature specification has missing or unknown fields: {odd}")
        return cls(**(values | {"layers": tuple(values["layers"])}))


def _wrong_fields(spec: FeatureSpec) -> list[str]:
    """Return the fields whose values have another type than a specification can have.

    The backbone is the beginning of a folder's name, and all numbers are bounded, because a
    specification may come from another machine.
    """
    shift = spec.frame_shift_s
    whole_numbers = [type(layer) is int and layer < MOST_LAYERS for layer in spec.layers]
    right = {
        "backbone": is_file_name(spec.backbone) and len(spec.backbone) <= LONGEST_BACKBONE,
        **{name: isinstance(getattr(spec, name), str) for name in TEXT_FIELDS},
        "layers": all(whole_numbers) and len(whole_numbers) <= MOST_LAYERS,
        "width": type(spec.width) is int and 0 < spec.width <= MOST_WIDTH,
        "frame_shift_s": shift is None
        or (type(shift) in (int, float) and math.isfinite(shift) and shift > 0),
        "preprocessing": isinstance(spec.preprocessing, dict),
    }
    return [name for name, is_right in right.items() if not is_right]
