"""One head or many, one after the other: what is finished is left alone, what fails is named."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from medusa.console import progress, say
from medusa.errors import MedusaError
from medusa.heads.config import ConfigError, load
from medusa.heads.fit import fit, prepare
from medusa.heads.run_dir import SUMMARY, new_run
from medusa.heads.train import epochs_at_most
from medusa.workspace import Workspace


class QueueError(MedusaError):
    """Heads that could not be trained; the others are."""


@dataclass(frozen=True)
class Asked:
    """What all heads of one command have in common."""

    workspace: Workspace
    backbones: Sequence[str]
    config: str
    text: str | None
    drop_missing: bool
    device: torch.device
    force: bool


@dataclass(frozen=True)
class Variant:
    """One head: its overrides, and what its name ends in."""

    overrides: tuple[str, ...]
    ending: str = ""


def variants(overrides: tuple[str, ...], seeds: str | None, grid: Sequence[str]) -> list[Variant]:
    """Return every combination of the grid's values and the seeds, seeds last.

    Args:
        overrides: `key=value`, the same for all.
        seeds: `0-4`, `0,7`, or a mixture.
        grid: `key=v1,v2,...` each.

    Raises:
        ConfigError: not of these forms.
    """
    axes = [_axis(one) for one in grid]
    if seeds is not None:
        axes.append([(f"seed={seed}", f"s{seed}") for seed in _seeds(seeds)])
    found = []
    for chosen in itertools.product(*axes):
        ending = "".join(f"-{label}" for _, label in chosen)
        found.append(Variant((*overrides, *(override for override, _ in chosen)), ending))
    if len({one.ending for one in found}) < len(found):
        raise ConfigError("--grid, --seeds: the same head twice; give every value once")
    return found


def run_all(asked: Asked, name: str | None, heads: Sequence[Variant]) -> Iterator[str]:
    """Train each head, yielding a line about it as soon as it is done.

    Raises:
        QueueError: some failed; raised after the last. A single head raises its own error.
    """
    failures = []
    for number, head in enumerate(heads):
        try:
            if len(heads) > 1:
                say(f"head {number + 1} of {len(heads)}")
            yield _one(asked, name, head)
        except MedusaError as problem:
            if len(heads) == 1:
                raise
            failures.append(f"{_title(name, head)}: {problem}")
            say(failures[-1])
    if failures:
        raise QueueError(
            "\n  ".join([f"{len(failures)} of {len(heads)} heads were not trained:", *failures])
        )


def _one(asked: Asked, name: str | None, head: Variant) -> str:
    config = load(asked.config, head.overrides)
    job = prepare(asked.workspace, config, asked.backbones, asked.text, asked.drop_missing)
    used = [store.spec.backbone for store, _ in job.chosen]
    if name is None:
        ending = (
            head.ending if re.search(r"-s\d+$", head.ending) else f"{head.ending}-s{config.seed}"
        )
        name = f"{'+'.join(used)}-{Path(asked.config).stem}{ending}"
    else:
        name += head.ending
    run = new_run(asked.workspace.runs, name)
    if not run.start(job.record, asked.force):
        say(f"{name}: finished already, nothing to do (--force trains again)")
    else:
        say(f"{name}: {' + '.join(used)}, {len(job.examples.ids)} utterances, on {asked.device}")
        with progress(name, epochs_at_most(config), "epoch") as advance:
            fit(job, run, asked.device, advance)
    for note in job.notes:
        say(f"note: {note}")
    summary = run.read_json(SUMMARY)
    score = f"{name}: dev macro-F1 {summary['dev_macro_f1']:.3f}"
    if config.train.selection == "natural":
        return f"{score} on the whole split (best after {summary['best_at']})"
    chance = 1 / len(job.examples.classes)
    return f"{score} on balanced draws (best after {summary['best_at']}; chance {chance:.3f})"


def _title(name: str | None, head: Variant) -> str:
    return f"{name or 'head'}{head.ending}"


def _axis(text: str) -> list[tuple[str, str]]:
    """Return the overrides of one `key=v1,v2` and what each adds to a name."""
    key, equals, values = text.partition("=")
    choices = [value.strip() for value in values.split(",") if value.strip()]
    if not equals or not choices:
        raise ConfigError(f"--grid {text}: expected KEY=V1,V2,...")
    last = key.rsplit(".", 1)[-1]
    clean = [re.sub(r"[^A-Za-z0-9._+-]", "_", value) for value in choices]
    return [
        (f"{key}={value}", f"{last}={label}") for value, label in zip(choices, clean, strict=True)
    ]


def _seeds(text: str) -> list[int]:
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if not match or int(match[2] or match[1]) < int(match[1]):
            raise ConfigError(f"--seeds {text}: expected 0-4, or 0,7,9")
        seeds.extend(range(int(match[1]), int(match[2] or match[1]) + 1))
    return seeds
