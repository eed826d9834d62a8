"""The disk of a store: its file system, and whether it was read lately."""

import resource
from pathlib import Path

# Of these, the kernel counts what a thread reads from the disk.
COUNTED = ("ext", "xfs", "btrfs", "f2fs", "tmpfs", "overlay")
QUIET_LOOKS = 64  # After so many batches that were in memory, no more are requested in advance.


class Disk:
    """Whether the disk was read lately: what is in memory need not be requested in advance.

    The kernel counts the blocks that a thread has read (`getrusage`). Where it does not count
    them, the disk always passes for read.
    """

    def __init__(self, folder: Path) -> None:
        accounted = Path("/proc/self/io").exists()
        self.counted = accounted and file_system(folder).startswith(COUNTED)
        self.blocks = self.quiet = 0  # the count, and how many looks in a row it has not changed

    def look(self) -> None:
        """Look at the count."""
        if self.counted:
            blocks = resource.getrusage(resource.RUSAGE_THREAD).ru_inblock
            self.quiet = self.quiet + 1 if blocks == self.blocks else 0
            self.blocks = blocks

    @property
    def busy(self) -> bool:
        """Whether the disk was read within the last looks."""
        return self.quiet < QUIET_LOOKS


def file_system(path: Path) -> str:
    """Return the type of the file system that holds a path (`ext4`, `nfs4`, ...), or `""`."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""  # this system has no list of mounts, since it is not Linux
    here = path.resolve()
    mounts = [line.split()[1:3] for line in lines]
    holding = [(len(point), kind) for point, kind in mounts if here.is_relative_to(point)]
    return max(holding, default=(0, ""))[1]
