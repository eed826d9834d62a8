"""A run on disk: what was asked, what came out, and whether it finished."""

import hashlib
import json
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from medusa.atomic import write_text
from medusa.errors import MedusaError, listed, nearest
from medusa.scoring.predictions import Predictions
from medusa.strict import read_yaml
from medusa.workspace import remove

CONFIG, METRICS, SUMMARY = "config.yaml", "metrics.jsonl", "summary.json"
PREDICTIONS, ENVIRONMENT, FINISHED = "predictions.parquet", "environment.json", "finished"
WEIGHTS = "weights.safetensors"
# settings that came later, with the value that changes nothing: runs made before them stay valid
LATER: dict[str, dict[str, Any]] = {"train": {"compile": False}}
NAMED = (("members", "name"), ("features", "backbone"), ("stages", "name"))  # lists in a config
LIBRARIES = ("medusa-ser", "torch", "transformers", "numpy", "pandas", "zarr", "scikit-learn")


class RunError(MedusaError):
    """A run that is missing, unfinished, or not the one the command asked for."""


@dataclass(frozen=True)
class RunDir:
    """One folder in `runs/`: config.yaml, weights, metrics.jsonl, predictions, environment."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def finished(self) -> bool:
        return (self.path / FINISHED).exists()

    @property
    def exists(self) -> bool:
        return (self.path / CONFIG).exists()

    def start(self, config: dict[str, Any], force: bool = False) -> bool:
        """Make the folder for this resolved configuration; return False if it is already finished.

        An unfinished run with the same configuration is continued.

        Raises:
            RunError: the folder holds a run with another configuration.
        """
        if force:
            remove(self.path)
        if self.exists and _without_later(self.config()) != _without_later(config):
            raise RunError(
                f"{self.path}: holds a run with another configuration "
                f"({_difference(_without_later(self.config()), _without_later(config))}); "
                "give this one another --name, or replace it with --force"
            )
        if self.finished:
            return False
        self.path.mkdir(parents=True, exist_ok=True)
        self.write_json(ENVIRONMENT, environment())
        write_text(self.path / CONFIG, yaml.safe_dump(_plain(config), sort_keys=False))
        return True

    def finish(self) -> None:
        """Mark the run as complete; nothing is written after this."""
        write_text(self.path / FINISHED, "")

    def config(self) -> dict[str, Any]:
        """Return the resolved configuration."""
        if not self.exists:
            raise RunError(f"{self.path}: no run here (no {CONFIG})")
        return _mapping(self.path / CONFIG, read_yaml)

    def digest(self) -> str:
        """Return 16 hex digits of the resolved configuration."""
        return digest_of(self.config())

    def log(self, **values: Any) -> None:
        """Append one line to metrics.jsonl."""
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """Return all logged lines."""
        path = self.path / METRICS
        if not path.exists():
            return []
        lines: list[dict[str, Any]] = _parsed(path, _whole_lines)
        return lines

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        """Write a small JSON file into the run, atomically."""
        write_text(self.path / name, json.dumps(values, indent=2) + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a small JSON file of the run."""
        return _mapping(self.path / name, json.loads)

    def predictions(self) -> Predictions:
        """Return what the run predicted.

        Raises:
            RunError: the run is not finished.
        """
        if not self.finished:
            raise RunError(f"{self.path}: not finished; run its command again to continue it")
        return Predictions.read(self.path / PREDICTIONS)


def digest_of(config: dict[str, Any]) -> str:
    """Return 16 hex digits of a resolved configuration, the same as before `LATER` came."""
    text = json.dumps(_without_later(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def new_run(runs: Path, name: str) -> RunDir:
    """Return the run that a command is about to make, which may be there already.

    Raises:
        RunError: the name is not that of one folder in `runs`: --force must not remove another.
    """
    if not name or name != Path(name).name or name.startswith(".") or "\\" in name:
        raise RunError(f"--name {name!r}: expected one word, the name of a folder in {runs}")
    return RunDir(runs / name)


def find_run(runs: Path, name: str) -> RunDir:
    """Return the run of this name (or path).

    Raises:
        RunError: there is none; the message lists those that exist.
    """
    for path in (runs / name, Path(name)):
        if (path / CONFIG).exists():
            return RunDir(path)
    known = [run.name for run in all_runs(runs)]
    there = f"there is {listed(known, 20)}" if known else "there are none; see `medusa fit-head`"
    raise RunError(f"no run {name!r} in {runs}{nearest(name, known)}; {there}")


def all_runs(runs: Path) -> list[RunDir]:
    """Return every run in the folder, by name."""
    return [RunDir(path.parent) for path in sorted(runs.glob(f"[!.]*/{CONFIG}"))]


def environment() -> dict[str, Any]:
    """Return what a result may depend on besides its configuration: versions and hardware."""
    import torch

    versions: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    cuda = torch.cuda.is_available()
    return {
        "python": platform.python_version(),
        "versions": versions,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if cuda else None,
    }


def _whole_lines(text: str) -> list[Any]:
    # what follows the last end of line was being written when the run was killed
    return [json.loads(line) for line in text.split("\n")[:-1]]


def _mapping(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    loaded = _parsed(path, parse)
    if not isinstance(loaded, dict):
        raise RunError(f"{path}: damaged (no keys and values); make the run again with --force")
    return loaded


def _parsed(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise RunError(
            f"{path}: missing from the run; make the run again with --force"
        ) from problem
    except (ValueError, yaml.YAMLError) as problem:
        reason = str(problem).splitlines()[0]
        raise RunError(f"{path}: damaged ({reason}); make the run again with --force") from problem


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration as YAML would give it back (tuples become lists)."""
    plain: dict[str, Any] = json.loads(json.dumps(config))
    return plain


def _without_later(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration without later settings that have the value that changes nothing."""
    plain = _plain(config)
    for part, neutral in LATER.items():
        if isinstance(plain.get(part), dict):
            there = plain[part].items()
            plain[part] = {k: v for k, v in there if k not in neutral or v != neutral[k]}
    return plain


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Say in a few words where two configurations differ: in members and backbones, or first."""
    if old.get("kind") == new.get("kind"):
        for key, part in NAMED:
            there, asked = ([one[part] for one in config.get(key, ())] for config in (old, new))
            if there != asked:
                return f"{key}: {listed(there, 20)} there; {listed(asked, 20)} asked"
    return _first_difference(old, new)


def _first_difference(old: Any, new: Any, where: str = "") -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if old.get(key) != new.get(key):
                there, asked = old.get(key), new.get(key)
                return _first_difference(there, asked, f"{where}.{key}".lstrip("."))
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (left, right) in enumerate(zip(old, new, strict=True)):
            if left != right:
                return _first_difference(left, right, f"{where}.{index}")
    return f"{where or 'all'}: {old!r} there, {new!r} asked"
