"""A trained head, rebuilt from its run."""

from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from medusa.errors import DataError
from medusa.foreign import foreign
from medusa.heads.config import HeadConfig, LossConfig
from medusa.heads.networks.head import Head, average_frames_of, build, device_of
from medusa.heads.runs.run_dir import WEIGHTS, RunDir
from medusa.heads.training.checkpoint import load_weights, require_shapes, stored_shapes
from medusa.heads.training.loss import auxiliary

Section = TypeVar("Section", HeadConfig, LossConfig)


@dataclass(frozen=True)
class StoredHead:
    """A finished run of kind `head`, with the settings that rebuild its network.

    Attributes:
        run: the run with the weights.
        head, loss: the settings of the network and of its outputs.
        classes: the C classes, in the order of the logits.
        features: the `backbone`, `spec` and `array` of each of the M modalities.
        text: the source of the texts of its training, None if it reads no text.
        table_batch: the size of the batches, in the order of the table, on which the predictions
            of an imported head depend; None for all others.
    """

    run: RunDir
    head: HeadConfig
    loss: LossConfig
    classes: tuple[str, ...]
    features: list[dict[str, str]]
    text: str | None
    table_batch: int | None = None

    @classmethod
    def read(cls, run: RunDir) -> "StoredHead":
        """Read the settings of a run.

        Raises:
            DataError: they are those of another version.
        """
        config = run.config()
        return cls(
            run,
            _section(HeadConfig, run, config, "head"),
            _section(LossConfig, run, config, "loss"),
            tuple(config["classes"]),
            config["features"],
            config.get("text"),
            config.get("imported", {}).get("batch"),
        )

    @property
    def average_frames(self) -> int:
        """The number of audio frames that are averaged into one before the head."""
        return average_frames_of(self.head)

    def build(self, widths: list[int], layers: list[int], device: torch.device) -> Head:
        """Build the network with the run's weights, for M modalities of these widths and layers.

        Raises:
            RunError: the weights are not those of the settings. They are compared before any memory
                is reserved, because both may come from elsewhere.
        """
        weights = self.run.file(WEIGHTS)
        shapes = stored_shapes(weights)
        with torch.device("meta"):
            require_shapes(weights, shapes, self._network(widths, layers, shapes))
        head = self._network(widths, layers, shapes)
        load_weights(weights, head)
        return head.to(device_of(self.head, device))

    def _network(
        self, widths: list[int], layers: list[int], shapes: dict[str, tuple[int, ...]]
    ) -> Head:
        """Return the network before it has its weights."""
        head = build(self.head, widths, len(self.classes), auxiliary(self.loss), layers)
        head.output.resize(shapes)
        return head


def _section(kind: type[Section], run: RunDir, config: dict[str, Any], key: str) -> Section:
    sentence = f"{run.path}: its config.yaml describes no head of this version"
    with foreign(DataError, lambda reason: f"{sentence} ({reason}); fit it again"):
        return kind(**config[key])
