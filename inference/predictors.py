"""The heads and stackers of a model, with their weights in memory."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch

from medusa.cache import FeatureSpec, Packed
from medusa.cache.store import layers_of
from medusa.ensemble.stored_stack import StoredStack
from medusa.heads.examples.frames import average_frames
from medusa.heads.fitting.stored_head import StoredHead
from medusa.heads.networks.head import device_of
from medusa.heads.networks.memory import predict_in_parts
from medusa.inference.parts import ModelMember
from medusa.scoring import Predictions

AT_ONCE = 64  # utterances on the device, as in `heads.training.predict`
Read = Callable[[str, str], Packed]
"""A function from the digest of a specification and the name of an array to the frames."""


class Predictor(Protocol):
    """A head or a stack in memory."""

    def predict(self, ids: Sequence[str], read: Read) -> Predictions:
        """Predict B utterances, in their order, from the frames that `read` returns."""
        ...


class HeadPredictor:
    """A head.

    Args:
        member: the head.
        specs: the specifications of the model's features by their digests.
        device: where to compute.
    """

    def __init__(
        self, member: ModelMember, specs: Mapping[str, FeatureSpec], device: torch.device
    ) -> None:
        stored = StoredHead.read(member.run)
        self.member, self.classes, self.run = member, stored.classes, member.run.digest()
        self.features = [(one["spec"], one["array"]) for one in stored.features]
        read = [specs[spec] for spec, _ in self.features]
        layers = [len(layers_of(array)) for _, array in self.features]
        self.averaged = [stored.average_frames if one.frame_shift_s else 1 for one in read]
        self.head = stored.build([one.width for one in read], layers, device).eval()
        self.device = device_of(stored.head, device)

    @torch.no_grad()
    def predict(self, ids: Sequence[str], read: Read) -> Predictions:
        inputs = [
            average_frames(read(spec, array), count).to(self.device, torch.float32)
            for (spec, array), count in zip(self.features, self.averaged, strict=True)
        ]
        logits, rated, _ = predict_in_parts(self.head, inputs, AT_ONCE)
        attributes = rated.float().cpu().numpy() if self.member.with_attributes else None
        values = logits.float().cpu().numpy()
        return Predictions.of(ids, [""] * len(ids), values, attributes, self.classes, self.run)


class StackPredictor:
    """A stack with its members.

    Args:
        member: the stack.
        specs, device: the arguments of `HeadPredictor`.
    """

    def __init__(
        self, member: ModelMember, specs: Mapping[str, FeatureSpec], device: torch.device
    ) -> None:
        self.stack = StoredStack.read(member.run)
        self.members = {one.run.name: predictor_of(one, specs, device) for one in member.members}

    def predict(self, ids: Sequence[str], read: Read) -> Predictions:
        predictions = {name: one.predict(ids, read) for name, one in self.members.items()}
        return self.stack.predict(predictions).select(ids)


def predictor_of(
    member: ModelMember, specs: Mapping[str, FeatureSpec], device: torch.device
) -> Predictor:
    """Read the weights of a head, or of a stack and all of its members.

    Raises:
        DataError, RunError: weights or settings are missing or of another version.
    """
    kind = StackPredictor if member.members else HeadPredictor
    return kind(member, specs, device)
