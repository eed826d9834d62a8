"""The session of the demo: the commands that a user would type, one after the other."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from medusa import console
from medusa.cli import medusa
from medusa.errors import MedusaError
from medusa.recipes.demo.checkpoints import checkpoint_of
from medusa.recipes.synthetic.corpus import Size

STACK, REPORT, CONFIG = "stack", "report.html", "head.yaml"
BACKBONES = ("wavlm", "hubert", "whisper", "roberta", "modernbert")
READERS = ("roberta", "modernbert")
HEADS = {
    "m1": ("wavlm,roberta", 0),
    "m2": ("wavlm,roberta", 1),
    "m3": ("hubert,roberta", 0),
    "m4": ("whisper,modernbert", 0),
    "m5": ("whisper,wavlm", 0),
    "m6": ("wavlm,hubert,roberta", 0),
    "m7": ("whisper,wavlm,modernbert", 0),
}
HEAD_YAML = """\
# A head for a corpus of a few hundred utterances. Keys that are left out keep the paper's values.
head: {width: 64, feedforward: 128, dropout: 0.0, average_frames: 8, standardise: true}
train: {batch: 32}
stages:
  - {name: full, sampler: shuffle, class_weights: 0.5, lr: 2.0e-3, epochs: 5}
  - {name: balanced, sampler: balanced, lr: 3.0e-4, epochs: 3, start: best}
"""


@dataclass(frozen=True)
class Scale:
    """The scale of a demo: the corpus, the names of the heads, and settings that differ."""

    size: Size = field(default_factory=Size)
    heads: tuple[str, ...] = tuple(HEADS)
    settings: tuple[str, ...] = ()


def commands(root: Path, scale: Scale) -> Iterator[list[str]]:
    """Yield the session's command lines, each as its words after `medusa --workspace ROOT`."""
    yield ["manifest", "split", "random"]
    for name in BACKBONES:
        text = ["--text", "manifest"] if name in READERS else []
        yield ["extract", "--backbone", name, "--checkpoint", str(checkpoint_of(root, name)), *text]
    for name in scale.heads:
        backbones, seed = HEADS[name]
        settings = [f"seed={seed}"] if seed else []
        settings += scale.settings
        changes = [word for setting in settings for word in ("--set", setting)]
        config = ["--config", str(root / CONFIG)]
        text = ["--text", "manifest"] if {*backbones.split(",")} & {*READERS} else []
        yield ["fit-head", "--backbones", backbones, "--name", name, *config, *text, *changes]
    yield ["stack", *scale.heads, "--name", STACK]
    yield ["evaluate", STACK]
    yield ["report", STACK, "-o", str(root / REPORT)]


def run(root: Path, words: list[str]) -> None:
    """Print one command line and run it in this process.

    Raises:
        MedusaError: the command failed, or ended with another exit code than 0.
    """
    option = [] if root == Path() else ["--workspace", str(root)]
    line = ["medusa", *option, *words]
    console.say(f"\n$ {shlex.join(line)}")
    if code := medusa.main(line[1:], prog_name="medusa", standalone_mode=False):
        raise MedusaError(f"`{shlex.join(line)}` ended with exit code {code}")


FULL = Scale()
TINY = Scale(
    size=Size(utterances=80, speakers=8),
    heads=("m4", "m6"),
    settings=("stages.0.epochs=1", "stages.1.epochs=1"),
)
