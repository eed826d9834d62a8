"""Copies of the tree, and processes forked to work in them.

The parent has imported the heavy libraries, so a process costs only what it does itself. The
working tree is only read.
"""

import ctypes
import importlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

LEFT_OUT = (".*", "__pycache__", "*.egg-info")  # of the copy
LEFT_OUT_AT_ROOT = {"build", "dist", "demo"}
PREFIX = "medusa-mutants-"  # of the folder of copies, before the process's number
MEMORY_B = 12 * 2**30  # of address space, for one process
DIE_WITH_PARENT = 1  # prctl's PR_SET_PDEATHSIG


@dataclass
class Tree:
    """A copy of the repository, in a folder `medusa` of a folder of its own."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "medusa"

    @contextmanager
    def changed(self, texts: dict[str, str]) -> Iterator[None]:
        """Have other texts in some files until the end of the block."""
        kept = [(self.root / path, self.folder / f"kept-{n}") for n, path in enumerate(texts)]
        for path, copy in kept:
            shutil.copy2(path, copy)
        for name, text in texts.items():
            (self.root / name).write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            for path, copy in kept:  # with its old time: the compiled file stays valid
                shutil.copy2(copy, path)


@dataclass(frozen=True)
class Task:
    """Work for one process.

    Attributes:
        number: of the task; names its result.
        work: called in the process with the copy's root; returns the exit status.
        texts: of files that are changed for it.
    """

    number: int
    work: Callable[[Path], int]
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """How a task ended: its exit status, or minus the signal; seconds; what it printed."""

    task: Task
    status: int
    seconds: float
    output: str


def preload(modules: Sequence[str]) -> None:
    """Import libraries with one thread each; what their import warns of is their own affair."""
    os.environ["OMP_NUM_THREADS"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            importlib.import_module(name)


@contextmanager
def trees(root: Path, count: int) -> Iterator[list[Tree]]:
    """Copy the working tree as often as there are processes; remove the copies at the end."""
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):  # of a process that was killed
        if not Path("/proc", old.name.split("-")[-2]).exists():
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    try:
        made = [Tree(folder / str(number)) for number in range(count)]
        for tree in made:
            shutil.copytree(root, tree.root, symlinks=True, ignore=partial(_left_out, root))
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _left_out(root: Path, folder: str, names: list[str]) -> set[str]:
    """Return what is not copied: results and caches, which may be large."""
    found = shutil.ignore_patterns(*LEFT_OUT)(folder, names)
    return found | (LEFT_OUT_AT_ROOT if Path(folder) == root else set())


def run_all(tasks: Sequence[Task], free: Sequence[Tree]) -> Iterator[End]:
    """Run each task in a forked process, as many at a time as there are trees."""
    waiting, idle = list(reversed(tasks)), list(free)
    running: dict[int, tuple[Tree, Task, float, ExitStack]] = {}
    try:
        while waiting or running:
            while waiting and idle:
                tree, task = idle.pop(), waiting.pop()
                change = ExitStack()
                change.enter_context(tree.changed(task.texts))
                running[_fork(tree, task)] = tree, task, time.monotonic(), change
            process, status = os.wait()
            if process in running:
                tree, task, began, change = running.pop(process)
                _kill_group(process)
                change.close()
                idle.append(tree)
                output = (tree.folder / "output").read_text(encoding="utf-8", errors="replace")
                seconds = time.monotonic() - began
                yield End(task, os.waitstatus_to_exitcode(status), seconds, output)
    finally:
        for process in running:
            _kill_group(process)


def _fork(tree: Tree, task: Task) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return process
    status = 70
    try:
        _settle(tree, bool(task.texts))
        status = task.work(tree.root)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _settle(tree: Tree, changed: bool) -> None:
    """Make the process one that knows only the copy, and that dies with its parent."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_B, MEMORY_B))
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    output = os.open(tree.folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(tree.root)
    for name in [one for one in sys.modules if one.split(".")[0] == "medusa"]:
        del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")  # a spawned process imports it
    sys.path.insert(0, str(tree.folder))
    importlib.invalidate_caches()
    temporary = tree.folder / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    tempfile.tempdir = None
    os.environ |= {"PYTHONPATH": str(tree.folder), "TMPDIR": str(temporary)}
    if changed:  # its compiled file must not outlive the change
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def _kill_group(process: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)
