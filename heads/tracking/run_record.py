"""The settings, the epochs and the results of a run as flat values."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from medusa.heads.runs.run_dir import SUMMARY, RunDir


@dataclass(frozen=True)
class RunRecord:
    """A finished run as trackers store it.

    Attributes:
        name, digest: the name of the run, and the digest of its configuration.
        settings: every setting by its dotted path, such as `head.width`.
        epochs: the finite numbers of each line of `metrics.jsonl`, in order.
        results: the finite numbers of the summary; of a stack, also its scores on its split.
    """

    name: str
    digest: str
    settings: dict[str, str]
    epochs: list[dict[str, float]]
    results: dict[str, float]


def record_of_run(run: RunDir) -> RunRecord:
    """Read a finished run.

    Raises:
        RunError: a file of the run is damaged or missing.
    """
    config, summary = run.config(), run.read_json(SUMMARY)
    epochs = [_numbers(line) for line in run.metrics()]
    results = _numbers(summary) | _stack_scores(config, summary)
    return RunRecord(run.name, run.digest(), dict(flat_settings(config)), epochs, results)


def flat_settings(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted path and the text of every setting; a list of plain values is one text."""
    if isinstance(value, Mapping):
        items = [(str(key), one) for key, one in value.items()]
    elif isinstance(value, list) and any(isinstance(one, (Mapping, list)) for one in value):
        items = [(str(number), one) for number, one in enumerate(value)]
    else:
        yield path, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        return
    for key, one in items:
        yield from flat_settings(one, f"{path}.{key}" if path else key)


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers of a mapping."""
    return {
        key: float(value)
        for key, value in values.items()
        if isinstance(value, (int, float)) and math.isfinite(value)
    }


def _stack_scores(config: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, float]:
    """Return the scores of a stack on the split of its summary, such as `test_macro_f1`."""
    names = {config.get("method"), f"{config.get('method')} vote"}
    rows = [row for row in summary.get("comparison", []) if row["name"] in names]
    found = [row for row in rows if row["kind"] != "member"]
    return {f"{summary['split']}_{key}": one for row in found for key, one in _numbers(row).items()}
