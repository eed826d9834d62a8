"""Hugging Face checkpoints are found, identified exactly, and loaded safely."""

import fnmatch
import hashlib
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medusa.errors import CheckpointError, listed
from medusa.extract.encoders.encoder import Backbone
from medusa.foreign import foreign, reason_of

LOCAL = "local"
CHUNK_BYTES = 1 << 20
SETTINGS = ("*config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json")
VOCABULARIES = ("vocab*", "merges.txt", "*.model", "*.tiktoken")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
PICKLED = ("pytorch_model*.bin", "pytorch_model*.bin.index.json")
# A part of the name of a size in a configuration -> the largest size of an encoder.
MOST = {"layers": 1_000, "position": 10_000_000, "vocab_size": 10_000_000, "hidden_size": 100_000}
UNUSED = ("*pooler*", "*masked_spec_embed*")  # weights that no feature depends on


@dataclass(frozen=True)
class CheckpointRef:
    """One exact Hugging Face checkpoint.

    Attributes:
        source: the folder or the hub id.
        name: `local`, or the hub id.
        revision: the digest of the folder's files, or the hub's commit.
    """

    source: str
    name: str
    revision: str

    def read(self, kind: Any, what: str, **choices: Any) -> Any:
        """Return `kind.from_pretrained` of exactly this checkpoint, without running its own code.

        Args:
            kind: one of transformers' Auto classes.
            what: the part of the checkpoint that is read, for the error.
            choices: more arguments of `from_pretrained`.

        Raises:
            CheckpointError: the checkpoint cannot be read.
        """
        revision = None if self.name == LOCAL else self.revision
        with _explained(self.source, what), quiet():
            return kind.from_pretrained(
                self.source, revision=revision, trust_remote_code=False, **choices
            )

    def config(self) -> Any:
        """Return the checkpoint's `transformers` configuration."""
        from transformers import AutoConfig

        config = self.read(AutoConfig, "config.json")
        with _explained(self.source, "config.json"):
            _require_bounded(config.to_dict())
        return config


def _require_bounded(settings: dict[str, Any]) -> None:
    """Raise a ValueError for a size that no encoder has, before memory is taken for it."""
    for key, value in settings.items():
        most = next((most for part, most in MOST.items() if part in str(key)), None)
        if most and isinstance(value, int) and value > most:
            raise ValueError(f"{key} is {value}; expected at most {most}")
        if isinstance(value, dict):
            _require_bounded(value)


def find(checkpoint: str, revision: str | None = None) -> CheckpointRef:
    """Return the exact identity of a folder or of a hub id.

    A hub checkpoint in the local cache is taken from there, without a request to the hub.

    Raises:
        CheckpointError: there is no such checkpoint, or the hub cannot be reached.
    """
    _refuse_absent_path(checkpoint, revision)
    if Path(checkpoint).is_dir():
        return CheckpointRef(checkpoint, LOCAL, folder_digest(Path(checkpoint)))
    return CheckpointRef(checkpoint, checkpoint, _commit(checkpoint, revision))


def checkpoint_of(backbone: Backbone) -> CheckpointRef:
    """Return the checkpoint with the weights of a described backbone."""
    return CheckpointRef(backbone.source, backbone.checkpoint, backbone.revision)


def _commit(checkpoint: str, revision: str | None) -> str:
    """Return the commit of a hub checkpoint; without a network, an error is raised at once."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    try:
        cached = try_to_load_from_cache(checkpoint, "config.json", revision=revision)
        if isinstance(cached, str):
            return Path(cached).parent.name
        return str(HfApi().model_info(checkpoint, revision=revision, timeout=10).sha)
    except Exception as problem:  # the errors of the hub's HTTP library share no other class
        raise CheckpointError(_not_to_be_had(checkpoint, reason_of(problem))) from problem


def folder_digest(folder: Path) -> str:
    """Return 16 hex digits of the names and the bytes of all files that features depend on.

    Raises:
        CheckpointError: the folder has no weights.
    """
    digest = hashlib.sha256()
    for path in files_of_features(folder):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        add_file(digest, path)
    return digest.hexdigest()[:16]


def files_of_features(folder: Path) -> list[Path]:
    """Return the files of a checkpoint that features depend on: settings, vocabularies, weights.

    Raises:
        CheckpointError: the folder has no weights.
    """
    weights = _matching(folder, WEIGHTS) or _matching(folder, PICKLED)
    if not weights:
        raise CheckpointError(
            f"{folder}: no weights here; expected model.safetensors or pytorch_model.bin, as "
            "`save_pretrained` writes them"
        )
    return [*_matching(folder, (*SETTINGS, *VOCABULARIES)), *weights]


def has_feature_extractor(checkpoint: str) -> bool:
    """Return whether a folder defines its model's input; every hub id is assumed to define it."""
    folder = Path(checkpoint)
    return not folder.is_dir() or any(
        (folder / name).exists() for name in ("preprocessor_config.json", "processor_config.json")
    )


def add_file(digest: Any, path: Path) -> None:
    """Add a file's bytes to a digest."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)


def _matching(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    """Return the files of a folder whose names match a pattern, sorted."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return [path for path in files if any(fnmatch.fnmatch(path.name, one) for one in patterns)]


def load_model(backbone: Backbone, device: str, **choices: Any) -> Any:
    """Read a backbone's weights in float32, from safetensors or else from a `.bin` file.

    Args:
        backbone: the facts from the family's `describe`.
        device: the device of the model.
        choices: more arguments of `AutoModel.from_pretrained`.

    Returns:
        The `transformers` model, in evaluation mode, without gradients.

    Raises:
        CheckpointError: the weights cannot be read, or weights that features depend on are absent.
    """
    import torch
    from transformers import AutoModel

    choices |= {"dtype": torch.float32, "output_loading_info": True}
    model, report = checkpoint_of(backbone).read(AutoModel, "the weights", **choices)
    # transformers fills absent weights with random numbers and goes on
    absent = [
        key
        for key in sorted(
            {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
        )
        if not any(fnmatch.fnmatch(key, pattern) for pattern in UNUSED)
    ]
    if absent:
        raise CheckpointError(
            f"{backbone.source}: {len(absent)} weights of {type(model).__name__} are missing or of "
            f"another shape: {listed(absent)}; name a complete checkpoint of this class"
        )
    return model.to(device).eval().requires_grad_(False)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from printing while it loads; problems are raised as errors here."""
    from transformers import utils

    logging: Any = utils.logging  # this module has no types
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _refuse_absent_path(checkpoint: str, revision: str | None) -> None:
    """Raise an error for a path that is not a folder of a checkpoint, or has a revision."""
    path = Path(checkpoint)
    if path.is_dir():
        if revision:
            raise CheckpointError(
                f"revision {revision}: {checkpoint} is a folder; leave revision out"
            )
        if not (path / "config.json").exists():
            raise CheckpointError(
                f"{checkpoint}: no config.json here; expected a folder that `save_pretrained` wrote"
            )
    elif path.is_file():
        raise CheckpointError(
            f"{checkpoint}: this is a file; expected a folder with config.json, or a hub id"
        )
    elif checkpoint.startswith(("/", ".", "~")) or checkpoint.count("/") > 1:
        raise CheckpointError(f"{checkpoint}: no such folder; check --checkpoint")


@contextmanager
def _explained(checkpoint: str, what: str) -> Iterator[None]:
    """Turn the errors of transformers and of its loaders into one sentence with a remedy."""
    with foreign(CheckpointError, lambda reason: _sentence(checkpoint, what, reason)):
        try:
            yield
        except pickle.UnpicklingError as problem:
            raise CheckpointError(
                f"{checkpoint}: {what} cannot be read, because the file holds more than plain "
                f"tensors ({reason_of(problem)}); convert the checkpoint to safetensors"
            ) from problem


def _sentence(checkpoint: str, what: str, reason: str) -> str:
    """Return the message for a checkpoint that cannot be read, from a folder or from the hub."""
    if Path(checkpoint).exists():
        return f"{checkpoint}: {what} cannot be read ({reason}); replace the files"
    return _not_to_be_had(checkpoint, reason)


def _not_to_be_had(checkpoint: str, reason: str) -> str:
    """Return the message for a checkpoint that is neither in the cache nor on the hub."""
    return (
        f"{checkpoint}: it is not on this machine, and the hub did not provide it "
        f"({reason}); download it where there is a network (`hf download "
        f"{checkpoint} --local-dir DIR`) and name the folder with --checkpoint DIR"
    )
