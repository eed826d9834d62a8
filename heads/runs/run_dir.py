"""A run on disk: its configuration, its results, and whether it finished."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from medusa.atomic import write_text
from medusa.errors import RunError, listed, nearest
from medusa.heads.runs.config_digest import FORMAT as FORMAT
from medusa.heads.runs.config_digest import comparable, difference, digest_of, plain
from medusa.heads.runs.environment import environment
from medusa.heads.runs.run_files import read_lines, read_mapping
from medusa.heads.runs.run_seal import FINISHED as FINISHED
from medusa.heads.runs.run_seal import require_whole, seal_run
from medusa.lock import locked
from medusa.scoring import Predictions
from medusa.workspace import checked_name, remove, require_listable

CONFIG, METRICS, SUMMARY = "config.yaml", "metrics.jsonl", "summary.json"
PREDICTIONS, ENVIRONMENT = "predictions.parquet", "environment.json"
WEIGHTS = "weights.safetensors"
LONGEST_NAME = 200  # It may be made of many backbones and settings.


@dataclass(frozen=True)
class RunDir:
    """One folder in `runs/`: configuration, weights, metrics, predictions and environment."""

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

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from making this run until the block ends.

        Raises:
            MedusaError: another process is making it.
        """
        return locked(self.path, "making this run")

    def start(self, config: dict[str, Any], force: bool = False) -> bool:
        """Make the folder for this resolved configuration; return False if the run is finished.

        An unfinished run with the same configuration is continued.

        Raises:
            RunError: the folder holds a run with another configuration.
        """
        if force:
            remove(self.path)
        if self.exists and comparable(self.config()) != comparable(config):
            raise RunError(
                f"{self.path}: holds a run with another configuration "
                f"({difference(self.config(), config)}); "
                "give this run another --name, or replace the old one with --force"
            )
        if self.finished:
            return False
        self.path.mkdir(parents=True, exist_ok=True)
        self.write_json(ENVIRONMENT, environment())
        write_text(self.path / CONFIG, yaml.safe_dump(plain(config), sort_keys=False))
        return True

    def finish(self, leave_out: tuple[str, ...] = ()) -> None:
        """Mark the run as complete, with the checksums of its files.

        Nothing is written after this, and the files that are left out are removed.
        """
        seal_run(self.path, self.digest(), leave_out)

    def file(self, name: str) -> Path:
        """Return the path of a file of the run.

        Raises:
            RunError: the run is finished, and the file has changed since.
        """
        require_whole(self.path, name)
        return self.path / name

    def config(self) -> dict[str, Any]:
        """Return the resolved configuration."""
        if not self.exists:
            raise RunError(f"{self.path}: this folder is no run (it has no {CONFIG})")
        return read_mapping(self.file(CONFIG))

    def digest(self) -> str:
        """Return 16 hex digits of the resolved configuration."""
        return digest_of(self.config())

    def log(self, **values: Any) -> None:
        """Append one line to metrics.jsonl."""
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """Return all logged lines."""
        path = self.file(METRICS)
        if not path.exists():
            return []
        return read_lines(path)

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        """Write a small JSON file into the run, atomically."""
        write_text(self.path / name, json.dumps(values, indent=2) + "\n", durable=False)

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a small JSON file of the run."""
        return read_mapping(self.file(name))

    def predictions(self) -> Predictions:
        """Return the predictions of the run.

        Raises:
            RunError: the run is not finished.
        """
        if not self.finished:
            raise RunError(
                f"{self.path}: the run is not finished; run its command again to continue it"
            )
        return Predictions.read(self.file(PREDICTIONS))


def identity(record: dict[str, Any]) -> str:
    """Return 12 hex digits of everything that a run depends on; the name of a run may end so."""
    return digest_of(record)[:12]


def finished_run(runs: Path, record: dict[str, Any]) -> RunDir | None:
    """Return the finished run whose name ends with the identity of a record, or None."""
    named = map(RunDir, sorted(runs.glob(f"*.{identity(record)}")))
    return next((run for run in named if run.finished), None)


def new_run(runs: Path, name: str) -> RunDir:
    """Return the run that a command is about to make; it may exist already.

    Raises:
        ConfigError: the name is not the name of a folder in `runs`. --force must not remove any
            other folder.
    """
    return RunDir(runs / checked_name("--name", name, LONGEST_NAME))


def find_run(runs: Path, name: str) -> RunDir:
    """Return the run of this name (or path).

    Raises:
        RunError: there is none; the message lists those that exist.
    """
    for path in (runs / name, Path(name)):
        if (path / CONFIG).exists():
            return RunDir(path)
    known = [run.name for run in all_runs(runs)]
    hint = f"there is {listed(known, 20)}" if known else "there are none; see `medusa fit-head`"
    raise RunError(f"no run {name!r} in {runs}{nearest(name, known)}; {hint}")


def all_runs(runs: Path) -> list[RunDir]:
    """Return every run in the folder, by name."""
    require_listable(runs)
    return [RunDir(path.parent) for path in sorted(runs.glob(f"[!.]*/{CONFIG}"))]
