"""The graph of a whole model: from the features of all its heads to one prediction."""

import json
from typing import Any

import onnx
import torch

from medusa.heads.networks.head import Head
from medusa.inference.onnx.fusions import fused
from medusa.inference.onnx.graph import OnnxGraph
from medusa.inference.onnx.outputs import HeadValues, outputs
from medusa.inference.onnx.padded import PaddedFrames, averaged
from medusa.inference.onnx.scalings import scaled
from medusa.inference.onnx.stackers import MemberValues, stacked
from medusa.inference.parts import ModelParts
from medusa.inference.predictors import HeadPredictor, Predictor, StackPredictor, predictor_of
from medusa.manifests import ATTRIBUTES

Key = tuple[str, str]  # the digest of a specification, and the name of an array


class ModelGraph:
    """The graph of a model while it grows; heads that read the same features share the inputs.

    Args:
        parts: the model.
    """

    def __init__(self, parts: ModelParts) -> None:
        self.graph, self.parts = OnnxGraph(), parts
        self.specs = {one.spec.digest: one.spec for one in parts.features}
        self.predictor = predictor_of(parts.root, self.specs, torch.device("cpu"))
        self.frames: dict[Key, PaddedFrames] = {}

    def build(self) -> onnx.ModelProto:
        """Return the whole model.

        Raises:
            RunError: a part of the model has no ONNX form.
        """
        found, count = self.values(self.predictor), len(self.parts.scheme.classes)
        self.graph.output("logits", found.logits, ["batch", count])
        shares = self.graph.op("Softmax", found.logits, axis=-1)
        self.graph.output("posteriors", shares, ["batch", count])
        if found.attributes is not None:
            self.graph.output("attributes", found.attributes, ["batch", len(ATTRIBUTES)])
        return self.graph.model(self._metadata(found.attributes is not None))

    def values(self, predictor: Predictor) -> HeadValues:
        """Add a head, or a stack and its members."""
        if isinstance(predictor, StackPredictor):
            members = [self.values(one) for one in predictor.members.values()]
            stack, classes = predictor.stack, len(self.parts.scheme.classes)
            values = MemberValues.of(members, classes, stack.config)
            return stacked(values, stack.stacker, stack.weights)
        assert isinstance(predictor, HeadPredictor)
        found = head_values(
            [
                averaged(self._input(key), count)
                for key, count in zip(predictor.features, predictor.averaged, strict=True)
            ],
            predictor.head,
        )
        rated = found.attributes if predictor.member.with_attributes else None
        return HeadValues(found.logits, rated)

    def _input(self, key: Key) -> PaddedFrames:
        """Return the padded features of one array, which are an input with its lengths."""
        if key not in self.frames:
            number, width = len(self.frames), self.width(key)
            shape: list[int | str] = ["batch", f"frames_{number}", width]
            values = self.graph.input(f"features_{number}", "float32", shape)
            lengths = self.graph.input(f"lengths_{number}", "int64", ["batch"])
            self.frames[key] = PaddedFrames(values, lengths)
        frames = self.frames[key]
        return frames.like(frames.filled(0.0))  # Padding may be anything, also NaN.

    def width(self, key: Key) -> int:
        """Return the width of a frame, in which the summed layers lie side by side."""
        return self.specs[key[0]].width * len(key[1].split("+"))

    def _metadata(self, with_attributes: bool) -> dict[str, str]:
        parts = self.parts
        values: dict[str, Any] = {
            "name": parts.card["name"],
            "run": parts.root.run.digest(),
            "classes": list(self.parts.scheme.classes),
            "attributes": list(ATTRIBUTES) if with_attributes else [],
            "text": parts.text.name if parts.text else None,
            "inputs": [
                {
                    "features": f"features_{number}",
                    "lengths": f"lengths_{number}",
                    "array": array,
                    "spec": self.specs[spec].to_dict(),
                }
                for number, (spec, array) in enumerate(self.frames)
            ],
        }
        return {f"medusa.{key}": json.dumps(value) for key, value in values.items()}


def head_values(inputs: list[PaddedFrames], head: Head) -> HeadValues:
    """Add a head that reads M modalities."""
    each = [scaled(x, scale) for x, scale in zip(inputs, head.scales, strict=True)]
    return outputs(fused(each, head.fusion), head.output)
