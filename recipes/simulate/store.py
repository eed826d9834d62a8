"""The specification of a simulated stream's store."""

from medusa.cache import FeatureSpec
from medusa.recipes.simulate import draw, world

FAMILY = "simulated"


def spec_of(name: str, request: dict[str, int]) -> FeatureSpec:
    """Return the specification of a stream's store; it differs between simulations."""
    kind = world.STREAMS[name][0]
    return FeatureSpec(
        backbone=name,
        family=FAMILY,
        checkpoint=FAMILY,
        revision=described(request),
        input=kind,
        layers=(0,),
        reduce="none",
        dtype="float16",
        width=request["width"],
        frame_shift_s=1 / draw.FRAMES_PER_S[kind] if kind == "audio" else None,
        preprocessing={FAMILY: draw.NOTE, "stream": name},
    )


def described(request: dict[str, int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in request.items())
