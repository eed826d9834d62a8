"""The specification of a feature: everything that changes its numbers, and nothing else."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from medusa.errors import StoreError, nearest

DTYPES = ("float16", "float32", "int8")
INPUTS = ("audio", "text")
REDUCTIONS = ("none", "sum", "mean")


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
        for name, known in {"dtype": DTYPES, "reduce": REDUCTIONS, "input": INPUTS}.items():
            value = getattr(self, name)
            if value not in known:
                hint = nearest(value, known)
                raise StoreError(f"{name} is {value!r}; expected one of {', '.join(known)}{hint}")
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
            StoreError: a field is missing or unknown.
        """
        expected = {field.name for field in fields(cls)}
        if set(values) != expected:
            odd = ", ".join(sorted(set(values) ^ expected))
            raise StoreError(f"the feature specification has missing or unknown fields: {odd}")
        return cls(**(values | {"layers": tuple(values["layers"])}))
