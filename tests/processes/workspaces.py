"""Two tiny workspaces, one of recordings and one of features, and everything that they hold."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.numpy import load_file

import medusa
from medusa.cache import open_all
from medusa.heads.runs.run_dir import RunDir, all_runs
from medusa.manifests import Manifest
from medusa.manifests.splits.plan import SplitPlan, divided
from medusa.manifests.texts import read_transcripts
from medusa.recipes.synthetic.checkpoints import write_checkpoints
from medusa.recipes.synthetic.corpus import Size, make_corpus
from medusa.tests.command_line import call
from medusa.tests.recipes.toy_recipe import make_home
from medusa.workspace import Workspace

QUICK = ("head.width=8", "head.feedforward=8", "stages.0.epochs=2", "stages.1.epochs=2")
SETS = tuple(word for one in QUICK for word in ("--set", one))
CPU = ("--device", "cpu")
FIT = ("fit-head", "--config", "small", *CPU, *SETS)
TOKENS = ("--set", "max_tokens=4", "--set", "batch_seconds=20")
BATCHES = ("--set", "batch_seconds=20")


class Templates:
    """The workspaces that tests copy: `sound` has recordings, `toy` features and a recipe."""

    def __init__(self, root: Path) -> None:
        self.checkpoints, self.sound, self.toy = (root / name for name in ("c", "sound", "toy"))
        self._make_sound()
        self.toy.mkdir()
        make_home(self.toy)
        for name in ("a", "b"):
            call(self.toy, *FIT, "--name", name, "--set", f"seed={ord(name)}")

    def copy(self, name: str, home: Path) -> Path:
        """Make a fresh copy of a workspace at `home`."""
        if home.exists():
            shutil.rmtree(home)
        return Path(shutil.copytree(getattr(self, name), home))

    def extract(self, backbone: str, *more: str) -> tuple[str, ...]:
        """Return the words that extract a backbone."""
        place = str(self.checkpoints / backbone) + (".pt" if backbone == "whisper" else "")
        return ("extract", "--backbone", backbone, "--checkpoint", place, *CPU, *BATCHES, *more)

    def transcribe(self, name: str) -> tuple[str, ...]:
        """Return the words that transcribe into a table of this name."""
        whisper = str(self.checkpoints / "whisper.pt")
        return ("transcribe", "--model", whisper, "--name", name, *CPU, *TOKENS)

    def _make_sound(self) -> None:
        corpus = make_corpus(self.sound / "manifest.parquet", Size(24, 6), 0)
        corpus = divided(corpus, SplitPlan("speaker", 0, dev=0.3, test=0.3))
        corpus.write(self.sound / "manifest.parquet")
        write_checkpoints(self.checkpoints, corpus.frame["text"].tolist(), 0)
        named = ["id", "path", "speaker", "label", "text", "split"]
        corpus.frame[named].to_csv(self.sound / "table.csv", index=False)
        call(self.sound, *self.extract("wavlm", "--layers", "last"))
        call(self.sound, *FIT, "--name", "a")


def outcome(home: Path) -> dict[str, Any]:
    """Return everything in a workspace that a command has made, without its times."""
    workspace = Workspace.open(home)
    found: dict[str, Any] = {"manifest": Manifest.read(workspace.manifest).digest()}
    for path in sorted(workspace.transcripts.glob("[!.]*.parquet")):
        table = read_transcripts(path).sort_values("id")
        found[path.name] = table.drop(columns=_times(table)).to_json()
    for store in open_all(workspace.features):
        contents = sorted(store.index.rows)
        found[store.path.name] = [store.read([one]).values.numpy().tobytes() for one in contents]
    for run in all_runs(workspace.runs):
        found[run.name] = _run(run)
    for path in sorted(home.glob("recipes/*/tables.md")):
        found[str(path)] = [line.split("|")[:-2] for line in path.read_text().splitlines()]
    for path in sorted((*home.glob("out*"), *home.glob("cross-validation/*/*/result.json"))):
        found[path.name] = path.read_bytes()
    return found


def _run(run: RunDir) -> dict[str, Any]:
    summary = run.read_json("summary.json")
    return {
        "config": run.config(),
        "summary": {name: summary.get(name) for name in ("dev_macro_f1", "notes")},
        "predictions": run.predictions().frame.to_json(),
        **{path.name: _weights(path) for path in run.path.glob("weights*")},
    }


def _weights(path: Path) -> dict[str, bytes]:
    """Return the bits of each tensor; the order of the metadata in the header is random."""
    return {name: values.tobytes() for name, values in load_file(path).items()}


def different(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Return the names of the things that differ, and of their parts."""
    names = [name for name in found | expected if found.get(name) != expected.get(name)]
    parts = [
        f"{name} {different(found[name], expected[name])}"
        if isinstance(found.get(name), dict) and isinstance(expected.get(name), dict)
        else name
        for name in names
    ]
    return [f"{part}: {found.get(name)!r:.300}, {expected.get(name)!r:.300}"
            for part, name in zip(parts, names, strict=True)]  # fmt: skip


def _times(table: pd.DataFrame) -> list[str]:
    return [name for name in table if str(name).endswith("seconds")]


def damaged(home: Path) -> list[str]:
    """Return the damage that `medusa verify` finds."""
    results = medusa.verify(Workspace.open(home))
    return [f"{one.name}: {one}" for one in results if one.state == "damaged"]
