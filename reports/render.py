"""The page about a run as text."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from medusa.heads.runs.run_dir import ENVIRONMENT, SUMMARY, RunDir
from medusa.reports import pictures
from medusa.reports.stack_weights import stack_weights
from medusa.reports.tables.report_tables import report_tables
from medusa.reports.tables.result_table import FORMATS
from medusa.reports.templates import inside_script, template
from medusa.reports.utterances.all_rows import all_rows
from medusa.reports.utterances.examples import examples
from medusa.reports.utterances.split_rows import SplitRows

TEMPLATE = "report.html.j2"


def render(run: RunDir, result: dict[str, Any], rows: SplitRows, with_audio: bool = False) -> str:
    """Return the page as text.

    Args:
        run: a finished run. A stack has the training curves of its members, if they still exist.
        result: the scores that `judge_run` returned for it, with the `slices` of `run_slices`.
        rows: the utterances of the judged split.
        with_audio: embed the recordings of the utterances that the page shows one by one.
    """
    config, summary = run.config(), run.read_json(SUMMARY)
    comparison = summary.get("comparison", [])
    return template(TEMPLATE).render(
        result=result,
        combined=stack_weights(run, config),
        method=config.get("method"),
        members=config.get("members", []),
        summary=summary,
        dots=pictures.dots(comparison, summary["chance"]) if comparison else None,
        leads={line["of"]: line for line in summary.get("gains", [])},
        heatmap=pictures.heatmap(result["confusion"], result["classes"]),
        positions=list(zip(_modalities(config), summary.get("positions", []), strict=False)),
        layer_sums=_layer_sums(summary, config),
        curves=_curves(run, config),
        configuration=yaml.safe_dump(config, sort_keys=False),
        shown=examples(rows, with_audio),
        utterances=inside_script(all_rows(rows)),
        environment=_flat(run.read_json(ENVIRONMENT)),
    )


def render_tables(result: Mapping[str, Any], form: str) -> str:
    """Return the tables of the page alone, in a format of `result_table.FORMATS`."""
    return "\n".join(map(FORMATS[form], report_tables(result)))


def _curves(run: RunDir, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the training curves of the run's members that still exist, and its own curves."""
    members = [RunDir(run.path.parent / one["name"]) for one in config.get("members", [])]
    logs = {one.name: one.metrics() for one in [*members, run]}
    scores = [line.get("dev_macro_f1") or 0.0 for lines in logs.values() for line in lines]
    drawn = [pictures.curves(name, lines, max(scores, default=0)) for name, lines in logs.items()]
    return [curve for curve in drawn if curve]


def _modalities(config: Mapping[str, Any]) -> list[str]:
    """Return the names of a head's modalities; a stack has none."""
    streams = config.get("features", [])
    several = Counter(one["backbone"] for one in streams)
    return [
        one["backbone"] if several[one["backbone"]] == 1 else f"{one['backbone']}:{one['array']}"
        for one in streams
    ]


def _layer_sums(
    summary: Mapping[str, Any], config: Mapping[str, Any]
) -> list[tuple[str, list[tuple[str, float]]]]:
    """Return each modality that sums layers, with the weight of each layer."""
    streams = zip(_modalities(config), config.get("features", []), strict=True)
    return [
        (name.partition(":")[0], list(zip(stream["array"].split("+"), weights, strict=True)))
        for (name, stream), weights in zip(streams, summary.get("layer_weights", []), strict=False)
        if weights
    ]


def _flat(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the names and values of environment.json, with nested ones on the same level."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            pairs += _flat(value)
        else:
            pairs.append((name, "none" if value is None else str(value)))
    return pairs
