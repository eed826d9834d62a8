"""Write finished runs for a tracker. A command without a tracker imports no heavy library here."""

import importlib.util
from collections.abc import Sequence

from medusa.console import say
from medusa.errors import ConfigError, nearest
from medusa.heads.tracking.trackers import TRACKERS
from medusa.workspace import Workspace


def require_tracker(name: str | None) -> None:
    """Raise unless a tracker is known and its library is installed; without a name do nothing.

    Raises:
        ConfigError: with the command that installs the library.
    """
    if name is None:
        return
    if name not in TRACKERS:
        raise ConfigError(
            f"--track {name!r}{nearest(name, TRACKERS)}: expected one of {', '.join(TRACKERS)}"
        )
    if importlib.util.find_spec(TRACKERS[name].module) is None:
        raise ConfigError(
            f"--track {name}: {TRACKERS[name].module} is not installed; run `pip install "
            f"'medusa-ser[{name}]'`"
        )


def track_runs(workspace: Workspace, runs: Sequence[str], tracker: str | None) -> None:
    """Write the settings, the epochs and the results of finished runs for a tracker.

    Args:
        workspace: with the runs. The folder `tracking/TRACKER` of it is written.
        runs: the names of the runs.
        tracker: `tensorboard`, `mlflow` or `wandb`, or None for nothing.

    Raises:
        ConfigError: the tracker is unknown, or its library is not installed.
        RunError: a run does not exist, or is damaged.
    """
    require_tracker(tracker)
    if tracker is None:
        return
    from medusa.heads.runs.run_dir import find_run
    from medusa.heads.tracking.run_record import record_of_run

    folder = workspace.root / "tracking" / tracker
    folder.mkdir(parents=True, exist_ok=True)
    for name in dict.fromkeys(runs):
        TRACKERS[tracker].write(record_of_run(find_run(workspace.runs, name)), folder)
    say(f"{len(set(runs))} runs are in {folder}")
