"""One self-contained HTML page about a run."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2.filters import do_mark_safe

from medusa.atomic import write_text
from medusa.console import visible
from medusa.ensemble import STACKERS
from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import ENVIRONMENT, SUMMARY, RunDir, find_run
from medusa.manifests import Manifest
from medusa.reports import pictures
from medusa.reports.judged_run import judge_run
from medusa.reports.slices import run_slices
from medusa.reports.utterances.all_rows import all_rows
from medusa.reports.utterances.examples import examples
from medusa.reports.utterances.split_rows import split_rows
from medusa.scoring import CALIBRATION, MEASURES, SCORES, agreement_sentence
from medusa.workspace import Workspace

TEMPLATE = "report.html.j2"


def report(
    workspace: Workspace,
    run: str,
    output: Path | None = None,
    *,
    split: str = "test",
    with_audio: bool = False,
) -> Path:
    """Write one self-contained HTML page about a finished run, and return its path.

    Args:
        workspace: the folder with the run and its manifest.
        run: the name of the run.
        output: the file; by default `RUN.html` in the workspace.
        split: the split to judge on.
        with_audio: embed the recordings of the utterances that the page shows one by one.

    Raises:
        RunError: the run does not exist, is not finished, or does not predict the split.
        MedusaError: the file cannot be written.
    """
    finished = find_run(workspace.runs, run)
    output = output or workspace.root / f"{finished.name}.html"
    manifest = Manifest.read(workspace.manifest)
    write_report(finished, manifest, output, split, workspace.transcripts, with_audio)
    return output


def write_report(
    run: RunDir,
    manifest: Manifest,
    output: Path,
    split: str = "test",
    transcripts: Path | None = None,
    with_audio: bool = False,
) -> None:
    """Judge a run and write its page, as a whole or not at all.

    Args:
        run: a finished head or stack.
        manifest: the manifest on which it was trained.
        output: the file; an existing file is replaced.
        split: the split to judge on.
        transcripts: the folder with the tables of transcripts, if there is one.
        with_audio: embed the recordings of the utterances that the page shows one by one.

    Raises:
        MedusaError: the folder of the output does not exist, or the output is a folder.
        RunError: see `judge_run`.
    """
    if output.is_dir():
        raise MedusaError(
            f"{output}: expected a file, found a folder; name a file, such as "
            f"{output / 'report.html'}"
        )
    if not output.parent.is_dir():
        raise MedusaError(f"{output.parent}: no such folder; make it, or choose another -o")
    result = judge_run(run, manifest, split)
    rows = split_rows(run, manifest, split, transcripts)
    result["slices"] = run_slices(rows)
    write_text(output, render(run, result, examples(rows, with_audio), all_rows(rows)))


def render(
    run: RunDir, result: dict[str, Any], shown: dict[str, Any], utterances: dict[str, Any]
) -> str:
    """Return the page as text.

    Args:
        run: a finished run. A stack has the training curves of its members, if they still exist.
        result: the scores that `judge_run` returned for it, with the `slices` of `run_slices`.
        shown: the values of `utterances.examples`.
        utterances: the values of `utterances.all_rows`.
    """
    config, summary = run.config(), run.read_json(SUMMARY)
    comparison = summary.get("comparison", [])
    return template(TEMPLATE).render(
        result=result,
        stackers=STACKERS,
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
        shown=shown,
        utterances=inside_script(utterances),
        environment=_flat(run.read_json(ENVIRONMENT)),
    )


def template(name: str) -> jinja2.Template:
    """Return a template of this folder, in which the filter `number` formats numbers."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.globals |= {
        "scores": SCORES,
        "measures": MEASURES,
        "calibration": CALIBRATION,
        "agreement_sentence": agreement_sentence,
    }
    return environment.get_template(name)


def _shown(value: Any) -> Any:
    """Return a text of a corpus with its control characters written out."""
    is_markup = hasattr(value, "__html__")
    return visible(value) if isinstance(value, str) and not is_markup else value


def inside_script(values: Mapping[str, Any]) -> str:
    """Return values as JSON that cannot end the script element which contains it."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return do_mark_safe(text.replace("<", "\\u003c").replace("\u2028", "\\u2028"))


def number(value: float, digits: int = 3) -> str:
    """Return a number with a fixed number of digits and a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


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
