"""Workers of a Ray cluster give the store of one process, though a node or a worker is lost."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medusa.cache import FeatureStore
from medusa.distributed.batch_tasks import BatchTasks
from medusa.errors import ConfigError
from medusa.extract.passes.run_pass import fill_stores
from medusa.manifests import Manifest
from medusa.tests.extract.running import assert_refused, plan_jobs
from medusa.workspace import Workspace, remove

LONG = pytest.mark.skipif(
    "MEDUSA_LONG_TESTS" not in os.environ, reason="MEDUSA_LONG_TESTS starts a Ray cluster"
)
LENGTHS = tuple(np.random.default_rng(0).integers(8000, 32000, 40).tolist())
# Three nodes; the second one is killed when the first features are committed.
NODES = """
import os, sys, threading, time
from pathlib import Path
from ray.cluster_utils import Cluster
from medusa.cache import index
import medusa

store, root, killed, checkpoint = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
cluster.wait_for_nodes()
os.environ["RAY_ADDRESS"] = cluster.address

def kill():
    while not index.committed(store):
        time.sleep(0.05)
    cluster.remove_node(nodes[0], allow_graceful=False)

if killed == "node":
    threading.Thread(target=kill, daemon=True).start()
options = medusa.ExtractionOptions(
    on="ray", workers=3, batch_seconds=4.0, dtype="float32", checkpoint=checkpoint
)
with medusa.show_progress():
    (result,) = medusa.extract_features(
        medusa.Workspace.open(root), ["wavlm"], options, allow_failures=True
    )
(root / "problems.txt").write_text("\\n".join(result.problems))
cluster.shutdown()
"""

DEADLY = """
import os, soundfile

original = soundfile.SoundFile.__init__

def init(self, file, *given, **named):
    if str(getattr(file, "name", file)).endswith("u5.wav"):
        os._exit(1)
    original(self, file, *given, **named)

soundfile.SoundFile.__init__ = init
"""


def run(store: Path, root: Path, killed: str, checkpoint: Path) -> list[str]:
    command = [sys.executable, "-c", NODES, str(store), str(root), killed, str(checkpoint)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    environment["PYTHONPATH"] = f"{root}:{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return (root / "problems.txt").read_text().splitlines()


@LONG
def test_a_killed_node_changes_no_bit(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    workspace(LENGTHS)
    weights = checkpoint("wavlm")
    (job,) = plan_jobs(Workspace.open(tmp_path), ["wavlm"], str(weights), dtype="float32")
    fill_stores([job], "cpu", 4.0)
    alone = FeatureStore.open(job.store)
    names = sorted(alone.index.rows)
    expected = alone.read(names).values.numpy()
    remove(job.store)
    assert run(job.store, tmp_path, "node", weights) == []
    store = FeatureStore.open(job.store)
    assert sorted(store.index.rows) == names
    assert np.array_equal(store.read(names).values.numpy(), expected)


@LONG
def test_a_file_that_kills_its_workers_is_set_aside(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    workspace(LENGTHS[:12])
    weights = checkpoint("wavlm")
    (job,) = plan_jobs(Workspace.open(tmp_path), ["wavlm"], str(weights), dtype="float32")
    (tmp_path / "sitecustomize.py").write_text(DEADLY)
    (problem,) = run(job.store, tmp_path, "file", weights)
    assert problem.startswith("u5 (") and "its worker was lost twice" in problem
    assert len(FeatureStore.open(job.store)) == 11


def test_a_task_becomes_smaller_when_its_worker_is_lost() -> None:
    one, two, three, four = "abcd"
    missing: list[list[str]] = []
    tasks = BatchTasks[str](lambda task: missing, str)
    whole = [[one, two], [three], [four]]
    for given, missing, smaller, aside in (  # noqa: B007
        (whole, [[one, two], [four]], [[[one, two]], [[four]]], []),
        ([[one, two]], [[one, two]], [[[one]], [[two]]], []),
        ([[two]], [[two]], [[[two]]], []),
        ([[two]], [[two]], [], [two]),
        ([[four]], [[four]], [], [two, four]),
        ([[three]], [[three]], [[[three]]], [two, four]),  # its first loss
        (whole, [], [], [two, four]),
    ):
        assert (tasks.smaller(given), tasks.aside) == (smaller, aside)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set=workers=2"], "with on=ray"),
        (["--set=on=dask"], "expected ray or ray://HOST:PORT"),
        (["--set=on=ray", "--shard=0/2"], "on: it excludes"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, workspace: Callable[..., Manifest], words: list[str], message: str
) -> None:
    workspace((8000,))
    assert_refused(tmp_path, words, ConfigError, message)
