"""The checklist of reproducibility in Markdown; an open box marks a fact that nothing recorded."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from medusa.errors import plural
from medusa.inference.bundle.model_card import (
    LIMITS,
    data_section,
    markdown_table,
    scores_section,
)
from medusa.reports.tables.result_table import markdown_text
from medusa.scoring import agreement_sentence

UNKNOWN = "not recorded; fill it in"


def card_text(facts: Mapping[str, Any]) -> str:
    """Return the checklist.

    Args:
        facts: the result of `card_facts`.
    """
    sections = {
        "Data": _data(facts),
        "Splits": _splits(facts),
        "Features": _features(facts["features"]),
        "Model and settings": _settings(facts),
        "Choices and trials": _trials(facts),
        "Hardware and hours": _hardware(facts),
        "Software": _software(facts),
        "Scores": _scores(facts["scores"]),
        "Limits": _limits(facts),
    }
    body = "\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"# Reproducibility of {markdown_text(facts['run'])}\n\n{body}"


def item(name: str, value: object) -> str:
    """Return one line of the checklist; without a value its box stays open."""
    known = value is not None and value != ""
    return f"- [{'x' if known else ' '}] {name}: {markdown_text(str(value)) if known else UNKNOWN}"


def _lines(items: Mapping[str, object]) -> str:
    return "\n".join(item(name, value) for name, value in items.items()) + "\n"


def _data(facts: Mapping[str, Any]) -> str:
    data, raters = facts["data"], facts["raters"]
    votes = f"{raters['votes']:,} on {raters['utterances']:,} utterances" if raters else "none"
    return (
        _lines(
            {
                "Corpus": data["corpus"],
                "Classes": f"{', '.join(facts['config']['classes'])} (scheme {data['scheme']})",
                "Votes of raters": votes,
                "Digest of the manifest": facts["manifest"],
                "Licence of the corpus, and consent of the speakers": None,
            }
        )
        + f"\n{data_section(data)}"
    )


def _splits(facts: Mapping[str, Any]) -> str:
    choices = facts["split_choices"]
    made = ", ".join(f"{key} {_plain(value)}" for key, value in choices.items())
    return _lines(
        {
            "The way the splits were made": made,
            "Speakers in several splits": facts["data"]["shared_speakers"],
            "Recordings in several splits": facts["data"]["shared_recordings"],
        }
    )


def _features(features: Sequence[Mapping[str, Any]]) -> str:
    header = ("features", "digest", "checkpoint", "revision", "layers", "dtype", "device")
    rows = [
        [
            *(one["name"], one["digest"], one.get("checkpoint", "the store is absent")),
            *(one.get("revision", "")[:16], _plain(one.get("layers", []))),
            *(one.get("dtype", ""), one.get("device") or "", one.get("licence", "")),
        ]
        for one in features
    ]
    return markdown_table([*header, "licence"], rows)


def _settings(facts: Mapping[str, Any]) -> str:
    rows = [
        [
            *(head["name"], head["config"]["head"]["name"]),
            " + ".join(one["backbone"] for one in head["config"]["features"]),
            *(head["config"].get("seed"), head["parameters"], head["steps"], head["best_at"]),
        ]
        for head in facts["heads"]
    ]
    header = ["head", "network", "features", "seed", "parameters", "steps", "best at"]
    configs = [facts["config"]] if facts["config"].get("kind") == "stack" else []
    configs += [head["config"] for head in facts["heads"]]
    complete = "---\n".join(yaml.safe_dump(one, sort_keys=False) for one in configs)
    safe = complete.replace("```", "'''")  # A name must not end the block.
    lines = {
        "Digest of the configuration": facts["digest"],
        "Method of the ensemble": facts["config"].get("method", "none: one head"),
    }
    table = markdown_table(header, rows)
    return f"{_lines(lines)}\n{table}\nAll settings:\n\n```yaml\n{safe}```\n"


def _trials(facts: Mapping[str, Any]) -> str:
    trials = facts["trials"]
    seeds = sorted({head["config"].get("seed") for head in facts["heads"]} - {None})
    counted = (
        f"{trials['head']} heads, {trials['stack']} ensembles, {trials['unfinished']} other runs "
        "(unfinished, damaged) in the workspace; removed runs and folds are not counted"
    )
    return _lines(
        {
            "Trials": counted,
            "Seeds of the heads": _plain(seeds),
            "Choice of epochs and of settings": "by dev; the column *best at* has the choice",
            "Choices that were made by looking at the judged split": None,
        }
    )


def _hardware(facts: Mapping[str, Any]) -> str:
    seconds = [head["seconds"] for head in facts["heads"] if head["seconds"] is not None]
    machines = Counter(_machine(one) for one in facts["environments"])
    hours = f"{sum(seconds) / 3600:.3f} for {plural(len(seconds), 'head')}" if seconds else None
    devices = sorted({str(head["device"]) for head in facts["heads"] if head["device"]})
    return _lines(
        {
            "Machine": "; ".join(machines),
            "Device of the training": ", ".join(devices),
            "Hours of the training": hours,
            "Hours of the extraction, and energy": None,
        }
    )


def _machine(environment: Mapping[str, Any]) -> str:
    kind, cores, threads = (environment.get(key) for key in ("machine", "cores", "threads"))
    return f"{kind}, {cores} cores, {threads} threads, GPU: {environment.get('gpu') or 'none'}"


def _software(facts: Mapping[str, Any]) -> str:
    """Return the versions of the training and of the extraction; several are listed."""
    versions: dict[str, dict[str, None]] = {}
    used = [{"Python": one.get("python")} | one["versions"] for one in facts["environments"]]
    for one in (*used, *(feature.get("versions", {}) for feature in facts["features"])):
        for name, version in one.items():
            versions.setdefault(name, {})[str(version)] = None
    return _lines({name: ", ".join(found) for name, found in versions.items()})


def _scores(judged: Mapping[str, Any]) -> str:
    ece = judged["calibration"]["ece"]
    low, high = ece["interval"]
    agreement = judged["human_agreement"]
    lines = {
        "Calibration error (ECE)": f"{ece['value']:.3f} (95 % interval {low:.3f} – {high:.3f})",
        "Human agreement": agreement_sentence(agreement) if agreement else "no votes",
    }
    return f"{scores_section(dict(judged))}\n{_lines(lines)}"


def _limits(facts: Mapping[str, Any]) -> str:
    own = [note for head in facts["heads"] for note in head["notes"] or []]
    notes = dict.fromkeys([*facts["scores"]["notes"], *own])
    return "".join(f"- {markdown_text(note)}\n" for note in notes) + LIMITS


def _plain(value: object) -> str:
    """Return a list as texts with commas between, and another value as it is."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
