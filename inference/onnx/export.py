"""A trained model is written as one ONNX file."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from medusa.atomic import atomic
from medusa.errors import RunError
from medusa.inference.model import Model

TOLERANCE = 1e-4
LARGEST = 1_900_000_000  # A file of this format holds at most 2 GiB; weights above that lie beside.


@dataclass(frozen=True)
class OnnxExport:
    """A written file.

    Attributes:
        path: the file.
        inputs: the names of the backbones whose features are the inputs, in their order.
        difference: the largest difference from PyTorch that was found.
    """

    path: Path
    inputs: tuple[str, ...]
    difference: float


def export_onnx(model: Model, output: str | Path) -> OnnxExport:
    """Write the heads and the stacker of a model as one ONNX file, and compare it with PyTorch.

    The file maps features to predictions; the frozen backbones are not part of it. For modality i,
    `features_i` is (batch, frames, width) float32, padded at the end, and `lengths_i` is (batch,)
    int64. The outputs are `logits` and `posteriors` (batch, C), and `attributes` (batch, 3) if the
    model predicts them. The metadata `medusa.inputs`, `medusa.classes` and so on are JSON; the
    specification of each feature is among them. Weights of more than 2 GB lie in FILE.data.

    Args:
        model: a model that `medusa.load` returned.
        output: the file. One that exists is replaced.

    Raises:
        RunError: the extra `onnx` is not installed; a part of the model has no ONNX form; or the
            outputs differ by more than 1e-4.
    """
    _require("onnx", "onnxruntime")
    import onnx

    from medusa.inference.onnx.compare import largest_difference
    from medusa.inference.onnx.model_graph import ModelGraph

    path, built = Path(output), ModelGraph(model.parts)
    proto = built.build()
    is_large, data = built.graph.weight_bytes > LARGEST, path.with_name(f"{path.name}.data")
    if is_large:
        data.unlink(missing_ok=True)  # The library appends to a file that exists, or refuses it.
    with atomic(path) as partial:
        onnx.save_model(proto, str(partial), save_as_external_data=is_large, location=data.name)
        difference = largest_difference(partial, built)
        if difference > TOLERANCE:
            if is_large:
                data.unlink()
            raise RunError(
                f"{path}: expected the outputs of PyTorch, found a difference of {difference:.1g}; "
                "use the model with `medusa predict`, and report its settings"
            )
    names = tuple(built.specs[spec].backbone for spec, _ in built.frames)
    return OnnxExport(path, names, difference)


def _require(*libraries: str) -> None:
    """Raise if a library is not installed."""
    if absent := [name for name in libraries if importlib.util.find_spec(name) is None]:
        raise RunError(
            f"ONNX files need {' and '.join(absent)}, which this Python lacks; run "
            "`pip install 'medusa-ser[onnx]'`"
        )
