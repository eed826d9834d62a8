"""Hugging Face checkpoints: finding them, their exact identity, and loading them safely."""

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

LOCAL = "local"
CHUNK_BYTES = 1 << 20
SETTINGS = ("*config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json")
VOCABULARIES = ("vocab*", "merges.txt", "*.model", "*.tiktoken")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
PICKLED = ("pytorch_model*.bin", "pytorch_model*.bin.index.json")
UNUSED = ("*pooler*", "*masked_spec_embed*")  # weights that no feature depends on


@dataclass(frozen=True)
class CheckpointRef:
    """One exact Hugging Face checkpoint.

    Attributes:
        source: folder or hub id.
        name: `local`, or the hub id.
        revision: digest of the folder's files, or the hub's commit.
    """

    source: str
    name: str
    revision: str

    def read(self, kind: Any, what: str, **choices: Any) -> Any:
        """Return `kind.from_pretrained` of exactly this checkpoint; no code of its own is run.

        Args:
            kind: one of transformers' Auto classes.
            what: the part of the checkpoint that is read, for the error.
            choices: more arguments of `from_pretrained`.

        Raises:
            CheckpointError: it cannot be read.
        """
        revision = None if self.name == LOCAL else self.revision
        with _explained(self.source, what), quiet():
            return kind.from_pretrained(
                self.source, revision=revision, trust_remote_code=False, **choices
            )

    def config(self) -> Any:
        """Return its `transformers` configuration."""
        from transformers import AutoConfig

        return self.read(AutoConfig, "config.json")


def find(checkpoint: str, revision: str | None = None) -> CheckpointRef:
    """Find out exactly which checkpoint a folder or hub id is.

    A hub checkpoint that is in the local cache is taken from there, without asking the hub.

    Raises:
        CheckpointError: there is no such checkpoint, or it cannot be had from here.
    """
    _refuse_absent_path(checkpoint, revision)
    if Path(checkpoint).is_dir():
        return CheckpointRef(checkpoint, LOCAL, folder_digest(Path(checkpoint)))
    return CheckpointRef(checkpoint, checkpoint, _commit(checkpoint, revision))


def checkpoint_of(backbone: Backbone) -> CheckpointRef:
    """Return where a described backbone's weights are."""
    return CheckpointRef(backbone.source, backbone.checkpoint, backbone.revision)


def _commit(checkpoint: str, revision: str | None) -> str:
    """Return the commit of a hub checkpoint; fails at once where there is no network."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    try:
        cached = try_to_load_from_cache(checkpoint, "config.json", revision=revision)
        if isinstance(cached, str):
            return Path(cached).parent.name
        return str(HfApi().model_info(checkpoint, revision=revision, timeout=10).sha)
    except Exception as problem:  # the errors of its HTTP library share no other class
        raise CheckpointError(_not_to_be_had(checkpoint, problem)) from problem


def folder_digest(folder: Path) -> str:
    """Return 16 hex digits of all files that a feature depends on, by name and bytes.

    Raises:
        CheckpointError: there are no weights among them.
    """
    weights = _matching(folder, WEIGHTS) or _matching(folder, PICKLED)
    if not weights:
        raise CheckpointError(
            f"{folder}: no weights here; expected model.safetensors or pytorch_model.bin, as "
            "`save_pretrained` writes them"
        )
    digest = hashlib.sha256()
    for path in [*_matching(folder, (*SETTINGS, *VOCABULARIES)), *weights]:
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        add_file(digest, path)
    return digest.hexdigest()[:16]


def has_feature_extractor(checkpoint: str) -> bool:
    """Whether a folder says how its model wants sound; a hub id is taken to."""
    folder = Path(checkpoint)
    return not folder.is_dir() or any(
        (folder / name).exists() for name in ("preprocessor_config.json", "processor_config.json")
    )


def add_file(digest: Any, path: Path) -> None:
    """Feed a file's bytes to a digest."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)


def _matching(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return [path for path in files if any(fnmatch.fnmatch(path.name, one) for one in patterns)]


def load_model(backbone: Backbone, device: str, **choices: Any) -> Any:
    """Read a backbone's weights in float32, safetensors first, else a `.bin` as weights only.

    Args:
        backbone: from the family's `describe`.
        device: to put the model on.
        choices: more arguments of `AutoModel.from_pretrained`.

    Returns:
        The `transformers` model, in evaluation mode, without gradients.

    Raises:
        CheckpointError: the weights cannot be read, or some that features depend on are not there.
    """
    import torch
    from transformers import AutoModel

    choices |= {"dtype": torch.float32, "output_loading_info": True}
    model, report = checkpoint_of(backbone).read(AutoModel, "the weights", **choices)
    # transformers fills these with random numbers and goes on
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
            f"another shape: {listed(absent)}; is it a checkpoint of this class?"
        )
    return model.to(device).eval().requires_grad_(False)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from printing while it loads; what matters is raised as an error here."""
    from transformers import utils

    logging: Any = utils.logging  # has no types
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
    path = Path(checkpoint)
    if path.is_dir():
        if revision:
            raise CheckpointError(f"--revision {revision}: {checkpoint} is a folder; leave it out")
        if not (path / "config.json").exists():
            raise CheckpointError(
                f"{checkpoint}: no config.json here; expected a folder that `save_pretrained` wrote"
            )
    elif path.is_file():
        raise CheckpointError(f"{checkpoint}: a file; expected a folder with config.json, or an id")
    elif checkpoint.startswith(("/", ".", "~")) or checkpoint.count("/") > 1:
        raise CheckpointError(f"{checkpoint}: no such folder; check --checkpoint")


@contextmanager
def _explained(checkpoint: str, what: str) -> Iterator[None]:
    """Turn what transformers and its loaders raise into one sentence with a remedy."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, RuntimeError, SafetensorError, EOFError, KeyError) as problem:
        raise CheckpointError(_sentence(checkpoint, what, problem)) from problem
    except pickle.UnpicklingError as problem:
        raise CheckpointError(
            f"{checkpoint}: {what}: not plain tensors, refused: {_first_line(problem)}; "
            "convert the checkpoint to safetensors"
        ) from problem


def _sentence(checkpoint: str, what: str, problem: Exception) -> str:
    if Path(checkpoint).exists():
        return f"{checkpoint}: {what} cannot be read: {_first_line(problem)}"
    return _not_to_be_had(checkpoint, problem)


def _not_to_be_had(checkpoint: str, problem: Exception) -> str:
    return (
        f"{checkpoint}: not on this machine and not to be had from the hub "
        f"({_first_line(problem)}); download it where there is a network (`hf download "
        f"{checkpoint} --local-dir DIR`) and name the folder with --checkpoint DIR"
    )


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(problem).__name__
