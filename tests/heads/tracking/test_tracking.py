"""`--track`: the events of TensorBoard are read back; the other clients are stand-ins."""

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from medusa.errors import ConfigError
from medusa.heads.runs.run_dir import METRICS, RunDir
from medusa.heads.tracking import trackers
from medusa.heads.tracking.run_record import RunRecord, record_of_run
from medusa.heads.tracking.track_runs import require_tracker, track_runs
from medusa.tests.command_line import call, invoke
from medusa.tests.reports.test_transfer import home  # noqa: F401
from medusa.workspace import Workspace

LINES = [{"epoch": 1, "train_loss": 2.0, "mfu": None}, {"epoch": 2, "train_loss": float("nan")}]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace with the finished run `r`, whose second loss is no number."""
    run = RunDir(tmp_path / "runs" / "r")
    run.start({"kind": "head", "head": {"width": 8, "q": [1, 2]}, "stages": [{"lr": 0.1}]})
    for line in LINES:
        run.log(**line)
    run.write_json("summary.json", {"dev_macro_f1": 0.5, "best_at": "full 1", "notes": []})
    run.finish()
    return Workspace.open(tmp_path)


def test_the_record_has_settings_epochs_and_results(workspace: Workspace) -> None:
    found = record_of_run(RunDir(workspace.runs / "r"))
    assert found.settings == {
        "kind": "head",
        "head.width": "8",
        "head.q": "1, 2",
        "stages.0.lr": "0.1",
    }
    assert found.epochs == [{"epoch": 1, "train_loss": 2}, {"epoch": 2}]
    assert found.results == {"dev_macro_f1": 0.5}


def read_events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def test_tensorboard_has_every_epoch_and_result_of_heads_and_stacks(
    home: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    import shutil

    root = tmp_path / "w"
    shutil.copytree(home, root)
    for _ in range(2):  # The second time replaces the events of the first one.
        words = ("--config", "small", "--name", "a", "--set", "seed=0", "--track", "tensorboard")
        quick = ["head.width=8", "head.feedforward=8", "stages.0.epochs=6", "stages.0.lr=0.01"]
        call(root, "fit-head", *words, *(word for one in quick for word in ("--set", one)))
    call(root, "stack", "a", "b", "--name", "v", "--method", "soft", "--track", "tensorboard")
    head = read_events(root / "tracking/tensorboard/a")
    lines = [json.loads(line) for line in (root / "runs/a" / METRICS).read_text().splitlines()]
    losses = [(one.step, one.value) for one in head.Scalars("epochs/train_loss")]
    assert losses == [
        (step, pytest.approx(line["train_loss"])) for step, line in enumerate(lines, 1)
    ]
    summary = json.loads((root / "runs/a/summary.json").read_text())
    (best,) = head.Scalars("results/dev_macro_f1")
    assert best.value == pytest.approx(summary["dev_macro_f1"])
    settings = head.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| head.width | 8 |" in settings
    rows = json.loads((root / "runs/v/summary.json").read_text())["comparison"]
    vote = next(row for row in rows if row["name"] == "soft vote")
    (score,) = read_events(root / "tracking/tensorboard/v").Scalars("results/test_macro_f1")
    assert score.value == pytest.approx(vote["macro_f1"])


class StandInClient:
    """A stand-in for MLflow's client that remembers its calls."""

    calls: list[tuple[Any, ...]]

    def __init__(self, place: str) -> None:
        self.calls = [("place", place)]
        STORES.setdefault(place, self)

    def __getattr__(self, name: str) -> Any:
        def remember(*words: Any, **named: Any) -> Any:
            store = STORES[self.calls[0][1]]
            store.calls.append((name, *words, *named.values()))
            if name == "search_runs":
                return [one for one in store.calls if one[0] == "set_terminated"]
            if name == "get_experiment_by_name":
                return None
            return types.SimpleNamespace(info=types.SimpleNamespace(run_id="1"))

        return remember


STORES: dict[str, StandInClient] = {}


def test_mlflow_gets_a_run_one_time_in_a_local_database(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = types.ModuleType("mlflow")
    module.__spec__ = importlib.util.spec_from_loader("mlflow", None)
    module.MlflowClient = StandInClient
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    STORES.clear()
    track_runs(workspace, ["r"], "mlflow")
    track_runs(workspace, ["r"], "mlflow")
    place = f"sqlite:///{(workspace.root / 'tracking/mlflow/mlflow.db').resolve()}"
    calls = STORES[place].calls
    assert ("log_param", "1", "head.width", "8") in calls
    assert ("log_metric", "1", "epochs/train_loss", 2.0, 1) in calls
    assert ("log_metric", "1", "results/dev_macro_f1", 0.5) in calls
    assert [one[0] for one in calls].count("set_terminated") == 1


def test_wandb_writes_offline(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    logged: list[tuple[dict[str, float], int]] = []
    results: dict[str, float] = {}

    class Session:
        summary = results

        def __enter__(self) -> "Session":
            return self

        def __exit__(self, *_: object) -> None:
            given["closed"] = True

        def log(self, values: dict[str, float], step: int) -> None:
            logged.append((values, step))

    def init(**choices: Any) -> Session:
        given.update(choices)
        return Session()

    module: Any = types.ModuleType("wandb")
    module.__spec__ = importlib.util.spec_from_loader("wandb", None)
    module.init = init
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    track_runs(workspace, ["r"], "wandb")
    assert given["mode"] == "offline" and given["config"]["head.width"] == "8" and given["closed"]
    assert logged == [({"epochs/epoch": 1, "epochs/train_loss": 2}, 1), ({"epochs/epoch": 2}, 2)]
    assert results == {"dev_macro_f1": 0.5}


def test_a_missing_library_is_one_clear_sentence_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(record: RunRecord, folder: Path) -> None:
        raise AssertionError(record, folder)

    absent = trackers.Tracker("no_such_library", write)
    monkeypatch.setitem(trackers.TRACKERS, "wandb", absent)
    message = (
        "--track wandb: no_such_library is not installed; run `pip install 'medusa-ser[wandb]'`"
    )
    for words in (("fit-head",), ("stack",), ("run", "small-corpus")):
        result = invoke(tmp_path, *words, "--track", "wandb")
        assert isinstance(result.exception, ConfigError) and str(result.exception) == message
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="did you mean 'mlflow'"):
        require_tracker("mlfow")
    require_tracker(None)


def test_a_cross_validation_is_not_tracked(tmp_path: Path) -> None:
    words = ("--cross-validate", "speaker", "--track", "tensorboard")
    result = invoke(tmp_path, "run", "small-corpus", *words)
    assert result.exit_code == 2 and "only without --cross-validate" in result.output


def test_the_extras_have_the_names_of_the_trackers() -> None:
    import tomllib

    text = (Path(trackers.__file__).parents[2] / "pyproject.toml").read_text()
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    assert set(trackers.TRACKERS) <= set(extras)
