"""One head or many, one after the other: what is finished is left alone, what fails is named."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from medusa.console import say
from medusa.errors import MedusaError
from medusa.heads.config import ConfigError, load
from medusa.heads.examples.join import choose
from medusa.heads.fitting.fit import prepare
from medusa.heads.fitting.profile import profile, show
from medusa.heads.queue.orders import Done, Order, train_all, train_one
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests import Manifest
from medusa.strict import parts_of
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
    devices: Sequence[torch.device]
    force: bool
    jobs: int = 1


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
    keys = [one.partition("=")[0] for one in grid] + ["seed"] * (seeds is not None)
    everywhere = [one.partition("=")[0] for one in overrides]
    if twice := sorted({key for key in keys if [*keys, *everywhere].count(key) > 1}):
        raise ConfigError(f"--grid, --seeds, --set: {', '.join(twice)} twice; give every key once")
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
    orders = _orders(asked, name, heads)
    if len(orders) == 1:
        yield _line(asked, train_one(asked.workspace, orders[0], asked.devices[0]))
        return
    failures = []
    for done in train_all(asked.workspace, orders, asked.devices, asked.jobs):
        if done.problem:
            failures.append(f"{done.order.title}: {done.problem}")
            say(failures[-1])
        else:
            yield _line(asked, done)
    if failures:
        raise QueueError(
            "\n  ".join([f"{len(failures)} of {len(heads)} heads were not trained:", *failures])
        )


def profile_first(asked: Asked, heads: Sequence[Variant]) -> None:
    """Print where a step of the first head goes; the trace is in the workspace's `profiles`."""
    (order,) = _orders(asked, None, heads[:1])
    job = prepare(asked.workspace, order.config, order.backbones, order.text, order.drop_missing)
    trace = asked.workspace.root / "profiles" / f"{order.name}.json"
    show(profile(job, asked.devices[0], trace), trace)


def _orders(asked: Asked, name: str | None, heads: Sequence[Variant]) -> list[Order]:
    start = _backbones_and_config(asked) if name is None else name
    orders = []
    for head in heads:
        config = load(asked.config, head.overrides)
        told = name is not None or re.search(r"-s\d+$", head.ending)
        full = f"{start}{head.ending}" + ("" if told else f"-s{config.seed}")
        orders.append(
            Order(
                title=full,
                name=full,
                config=config,
                backbones=tuple(asked.backbones),
                text=asked.text,
                drop_missing=asked.drop_missing,
                force=asked.force,
            )
        )
    return orders


def _backbones_and_config(asked: Asked) -> str:
    """Return what heads without a --name are called."""
    Manifest.read(asked.workspace.manifest)  # without one, that is what must be told first
    chosen = choose(asked.workspace.features, asked.backbones)
    used = "+".join(dict.fromkeys(store.spec.backbone for store, _ in chosen))
    return f"{used}-{Path(asked.config).stem}"


def _line(asked: Asked, done: Done) -> str:
    """Say in a line how good a head is on dev."""
    for note in done.notes:
        say(f"note: {note}")
    run = RunDir(asked.workspace.runs / done.run)
    summary, config = run.read_json(SUMMARY), run.config()
    score = f"{done.run}: dev macro-F1 {summary['dev_macro_f1']:.3f}"
    best = f"best {'after' if summary['steps'] else 'with'} {summary['best_at']}"
    if config["train"]["selection"] == "natural":
        return f"{score} on the whole split ({best})"
    chance = 1 / len(config["classes"])
    return f"{score} on balanced draws ({best}; chance {chance:.3f})"


def _axis(text: str) -> list[tuple[str, str]]:
    """Return the overrides of one `key=v1,v2` and what each adds to a name."""
    key, equals, values = text.partition("=")
    choices = parts_of(values)
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
