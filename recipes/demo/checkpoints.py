"""The checkpoints of the demo: the stand-ins for its backbones, and the folder that holds them."""

from collections.abc import Sequence
from pathlib import Path

from medusa import console
from medusa.recipes.synthetic.checkpoints import write_checkpoints

FOLDER = "checkpoints"


def make_checkpoints(root: Path, texts: Sequence[str], seed: int) -> None:
    """Write the stand-ins that the demo lacks, and print their names."""
    names = write_checkpoints(root / FOLDER, texts, seed)
    console.say(f"{root / FOLDER}: {', '.join(names)} have random weights")


def checkpoint_of(root: Path, backbone: str) -> Path:
    """Return the checkpoint of a backbone; Whisper's is a file."""
    return root / FOLDER / (f"{backbone}.pt" if backbone == "whisper" else backbone)
