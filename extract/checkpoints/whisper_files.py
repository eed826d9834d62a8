"""Checkpoints of openai-whisper: `{dims, model_state_dict}` files, official ones or others."""

import hashlib
import os
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medusa.errors import CheckpointError, nearest
from medusa.extract.checkpoints.hugging_face import LOCAL, add_file
from medusa.foreign import foreign


@dataclass(frozen=True)
class WhisperFile:
    """One checkpoint.

    Attributes:
        source: the argument of `whisper.load_model`: an official name or a path.
        path: the file.
        name: a short name for a table of transcripts: `large-v3`, or the file's stem.
        checkpoint, revision: the identity, as in `FeatureSpec`.
    """

    source: str
    path: Path
    name: str
    checkpoint: str
    revision: str


def find(model: str) -> WhisperFile:
    """Return the checkpoint of an official name or of a path.

    An official checkpoint is downloaded once, into the cache of openai-whisper.

    Raises:
        CheckpointError: there is no such name or file, or it cannot be downloaded.
    """
    import whisper

    if model in whisper.available_models():
        return _official(model)
    path = Path(model)
    if path.is_dir() or (not path.exists() and model.count("/") == 1):
        raise CheckpointError(
            f"{model}: expected an openai-whisper file or one of its model names; Hugging Face's "
            "Whisper works as `medusa extract --backbone auto --checkpoint PATH_OR_ID`"
        )
    if not path.is_file():
        known = whisper.available_models()
        raise CheckpointError(
            f"{model}: no such file, and no model of openai-whisper{nearest(model, known)}; "
            f"expected a file or {', '.join(known)}"
        )
    digest = hashlib.sha256()
    add_file(digest, path)
    return WhisperFile(str(path), path, path.stem, LOCAL, digest.hexdigest()[:16])


def _official(model: str) -> WhisperFile:
    """Return the checkpoint of an official name, after a download if the cache lacks it."""
    import whisper

    url: str = whisper._MODELS[model]
    sha256, file = url.split("/")[-2:]
    cache = Path(os.getenv("XDG_CACHE_HOME") or Path.home() / ".cache") / "whisper"
    if not (cache / file).exists():
        try:
            whisper._download(url, str(cache), False)
        except (urllib.error.URLError, OSError, RuntimeError) as problem:
            (cache / file).unlink(missing_ok=True)
            raise CheckpointError(
                f"whisper {model}: it is not on this machine and cannot be downloaded ({problem}); "
                f"fetch {url} where there is a network and name the file with --checkpoint "
                "(extract) or --model (transcribe)"
            ) from problem
    stem = Path(file).stem
    return WhisperFile(model, cache / file, stem, f"openai-whisper/{stem}", sha256[:16])


def read_dims(path: Path) -> dict[str, int]:
    """Return the sizes of a model, without reading its weights into memory.

    Raises:
        CheckpointError: the file is not a checkpoint of openai-whisper.
    """
    import torch

    with _explained(path):
        held = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
        dims: dict[str, int] = dict(held["dims"])
        _require_dims(dims, held["model_state_dict"])
        return dims


def _require_dims(dims: dict[str, int], weights: dict[str, Any]) -> None:
    """Raise a ValueError if the sizes are not those of the weights; memory is taken by the sizes.

    The weights of an encoder and a decoder have as many blocks as layers.
    """
    for part, kind in (("audio", "encoder"), ("text", "decoder")):
        blocks = {name.split(".")[2] for name in weights if name.startswith(f"{kind}.blocks.")}
        width, context = weights[f"{kind}.positional_embedding"].shape[::-1]
        found = {"layer": len(blocks), "state": width, "ctx": context}
        for name, size in found.items():
            if dims[f"n_{part}_{name}"] != size:
                raise ValueError(f"n_{part}_{name} is {dims[f'n_{part}_{name}']}, not {size}")
    for name, weight in (("n_vocab", "decoder.token_embedding"), ("n_mels", "encoder.conv1")):
        size = weights[f"{weight}.weight"].shape[0 if name == "n_vocab" else 1]
        if dims[name] != size:
            raise ValueError(f"{name} is {dims[name]}, not {size}")


def is_multilingual(path: Path) -> bool:
    """Return whether a model transcribes other languages than English.

    As in openai-whisper, the size of the vocabulary decides.

    Raises:
        CheckpointError: the file is not a checkpoint of openai-whisper.
    """
    return read_dims(path)["n_vocab"] >= 51865


def read_model(source: str, device: str) -> Any:
    """Return the `whisper.Whisper` model in float32; official files are checked by their hash.

    Args:
        source: the source of a `WhisperFile`.
        device: the device of the model.

    Raises:
        CheckpointError: the file is damaged, or is not a checkpoint of openai-whisper.
    """
    import whisper

    if Path(source).is_file():
        read_dims(Path(source))
    with _explained(source):  # load_model reads with weights_only=True
        model = whisper.load_model(source, device=device)
    return model.float().eval().requires_grad_(False)


@contextmanager
def _explained(file: Path | str) -> Iterator[None]:
    """Turn the errors of a file that cannot be read into one sentence with a remedy."""
    sentence = f"{file}: not an openai-whisper checkpoint"
    remedy = "expected a file that holds `dims` and `model_state_dict`"
    with foreign(CheckpointError, lambda reason: f"{sentence} ({reason}); {remedy}"):
        yield
