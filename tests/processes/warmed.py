"""Commands as real processes, forked from a server that has imported all libraries already.

A fresh interpreter takes seconds to import them. The server only imports: it has no threads and
holds no locks, so that its children are as good as fresh interpreters.
"""

import os
import sys
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

MODULES = ["medusa.tests.processes.preload"]
LONGEST_S = 900  # Of a command on a machine that is twenty times too busy.


class Command:
    """A command in a process of its own.

    Args:
        log: the file of its messages.
        words: the words of its command line, without `medusa`.
    """

    def __init__(self, log: Path, *words: object) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(MODULES)
        self.log = log
        self.process: BaseProcess = context.Process(
            target=_command, args=(str(log), [str(word) for word in words])
        )
        self.process.start()

    def killed(self, after_s: float) -> bool:
        """Kill the process after some seconds; return False if it has ended before."""
        self.process.join(after_s)
        if self.process.exitcode is None:
            self.process.kill()
        self.process.join()
        return self.process.exitcode == -9

    def ended(self) -> bool:
        """Wait, and return whether the command succeeded; a refusal in one message is False."""
        self.process.join(LONGEST_S)
        assert self.process.exitcode is not None, f"a hang: {self.said()}"
        assert self.process.exitcode in (0, 1), self.said()
        assert "Traceback" not in self.said(), self.said()
        assert self.process.exitcode == 0 or "medusa: " in self.said(), self.said()
        return self.process.exitcode == 0

    def said(self) -> str:
        """Return the messages of the command."""
        return self.log.read_text(errors="replace")


def _command(log: str, words: list[str]) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    import torch

    from medusa.cli import main

    torch.set_num_threads(1)
    sys.argv = ["medusa", *words]
    main()
