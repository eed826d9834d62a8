"""The steps around one call of an encoder, in their order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from medusa.extract.encoders.compute_timer import ComputeTimer
from medusa.extract.encoders.encoder import Backbone, BackboneEncoder, Encoded
from medusa.extract.encoders.layers import average_frames, reduced
from medusa.extract.encoders.precision import autocast, check_half_precision
from medusa.extract.encoders.variants import frames_averaged


class EncoderRunner:
    """Turn prepared items into features that are ready to be stored.

    `features` encodes the items in the backbone's precision, reduces the layers and averages the
    frames in float32 on the device, and copies the result to the CPU. The first call also
    compares half precision with float32.

    Args:
        encoder: the backbone with its weights.
        backbone: its facts, with the precision and the number of averaged frames.
        reduce: how several layers become one, as in `FeatureSpec`.
        device: the device of the weights.

    Attributes:
        timer: the time for which the model ran.
    """

    def __init__(
        self, encoder: BackboneEncoder, backbone: Backbone, reduce: str, device: str
    ) -> None:
        self.encoder, self.reduce, self.device = encoder, reduce, device
        self.precision = str(backbone.preprocessing.get("precision", "fp32"))
        self.average_by = frames_averaged(backbone)
        self.timer = ComputeTimer(device)
        self.checked = self.precision == "fp32"

    def features(self, items: Sequence[Any]) -> list[Encoded]:
        """Return finished features (K, T, D) float32 on the CPU, in the order of the items.

        On a GPU, the copies may be unfinished: call `ready` of an `Encoded` before its use.

        Raises:
            MedusaError: in the first call, if half precision changes the features too much.
        """
        started = self.timer.start()
        finished = [
            replace(one, values=self._copied(self.finish(one.values)))
            for one in self.run_encoder(items)
        ]
        ready = self.timer.stop(started)
        return [replace(one, ready=ready) for one in finished]

    def run_encoder(self, items: Sequence[Any]) -> list[Encoded]:
        """Return the features (K, T, D) of all kept layers, on the device."""
        with autocast(self.precision, self.device):
            encoded = self.encoder.encode(items)
        if not self.checked:
            (exact,) = self.encoder.encode(items[:1])
            check_half_precision(encoded[0].values, exact.values, self.precision)
            self.checked = True
        return encoded

    def finish(self, values: Tensor) -> Tensor:
        """Reduce the layers of (K, T, D) and average the frames; both happen in float32."""
        return average_frames(reduced(values.float(), self.reduce), self.average_by)

    def _copied(self, values: Tensor) -> Tensor:
        """Copy values to the CPU; from a GPU, the copy runs in the background."""
        if not self.device.startswith("cuda"):
            return values.cpu()
        pinned = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        return pinned.copy_(values, non_blocking=True)
