"""Hugging Face checkpoints: where they are, exactly which one it is, and loading them safely."""

import fnmatch
import hashlib
import pickle
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from medusa.errors import MedusaError, listed
from medusa.extract.encoder import Backbone

LOCAL = "local"
CHUNK_BYTES = 1 << 20
SETTINGS = ("*config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json")
VOCABULARIES = ("vocab*", "merges.txt", "*.model", "*.tiktoken")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
PICKLED = ("pytorch_model*.bin", "pytorch_model*.bin.index.json")
UNUSED = ("*pooler*", "*masked_spec_embed*")  # weights that no feature depends on


class CheckpointError(MedusaError):
    """A checkpoint that cannot be had, is damaged, or is not what the backbone needs."""


def read_config(checkpoint: str, revision: str | None = None) -> Any:
    """Return the `transformers` configuration of a folder or hub id; no code of theirs is run.

    A hub checkpoint that is in the local cache is taken from there, without asking the hub.

    Raises:
        CheckpointError: there is no such checkpoint, or it cannot be had from here.
    """
    from transformers import AutoConfig

    _refuse_absent_path(checkpoint, revision)
    read = partial(AutoConfig.from_pretrained, checkpoint, trust_remote_code=False)
    with quiet():
        if not Path(checkpoint).is_dir():
            with suppress(OSError):
                return read(revision=revision, local_files_only=True)
            revision = _hub_commit(checkpoint, revision)
        with explained(checkpoint, "config.json"):
            return read(revision=revision)


def _hub_commit(checkpoint: str, revision: str | None) -> str:
    """Ask the hub which commit is meant; fails at once where there is no network."""
    from huggingface_hub import HfApi

    try:
        return str(HfApi().model_info(checkpoint, revision=revision, timeout=10).sha)
    except Exception as problem:  # its HTTP library's own errors share no other class
        raise CheckpointError(_not_to_be_had(checkpoint, problem)) from problem


def identity(checkpoint: str, config: Any) -> tuple[str, str]:
    """Return (name, revision) as the feature's identity has them.

    A hub checkpoint is its id and commit; a local one `local` and the digest of its files.

    Raises:
        CheckpointError: the folder has no weights, or the hub gave no commit.
    """
    if Path(checkpoint).is_dir():
        return LOCAL, folder_digest(Path(checkpoint))
    commit = getattr(config, "_commit_hash", None)
    if not commit:
        raise CheckpointError(f"{checkpoint}: the hub names no commit; give one with --revision")
    return checkpoint, str(commit)


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


def where(backbone: Backbone) -> dict[str, Any]:
    """Return what every `from_pretrained` call needs to read exactly this checkpoint."""
    revision = None if backbone.checkpoint == LOCAL else backbone.revision
    return {
        "pretrained_model_name_or_path": backbone.source,
        "revision": revision,
        "trust_remote_code": False,
    }


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

    with explained(backbone.source, "the weights"), quiet():
        model, report = AutoModel.from_pretrained(
            **where(backbone), **choices, dtype=torch.float32, output_loading_info=True
        )
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
def explained(checkpoint: str, what: str) -> Iterator[None]:
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
