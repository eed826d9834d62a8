"""Every command that has succeeded names the command that is usually next."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from medusa.console import say

Given = Mapping[str, Any]


def _after_extraction(given: Given) -> str:
    names = given["label"] or ",".join(given["names"])
    return f"medusa baseline, or medusa fit-head --backbones {names}"


def _after_head(given: Given) -> str:
    if given["seeds"] or given["grid"] or not given["name"]:
        return "medusa runs lists the heads; medusa stack combines them"
    return f"medusa evaluate {given['name']}"


def _after_plan(given: Given) -> str:
    if given["recipe"]:
        return f"medusa run {given['recipe']}"
    return f"medusa extract --backbone {given['names']}"


def _after_scores(given: Given) -> str:
    if given["on"]:
        return f"medusa report {given['run']}"
    return f"medusa report {given['run']} -o report.html, or medusa baseline {given['run']}"


def _after_prediction(given: Given) -> str:
    if (Path(given["model"]) / "bundle.json").exists():
        return f"medusa serve {given['model']}, for a page on this machine"
    return f"medusa bundle {given['model']} -o FOLDER, to hand the model on"


def _after_recipe(given: Given) -> str:
    if given["list_them"] or given["recipe"] is None:
        return "medusa plan RECIPE, then medusa run RECIPE"
    return f"medusa tables {given['recipe']}, or medusa runs"


# A command -> the command that is usually next, made of its options.
NEXT: dict[str, Callable[[Given], str]] = {
    "demo": lambda given: "medusa manifest import --help, for your own recordings",
    "simulate": lambda given: "medusa fit-head",
    "transcribe": lambda given: "medusa extract --backbone roberta",
    "extract": _after_extraction,
    "plan": _after_plan,
    "probe-layers": lambda given: f"medusa extract --backbone {given['backbone']} --layers N",
    "verify": lambda given: "medusa manifest audit --digests checks the recordings",
    "fit-head": _after_head,
    "baseline": lambda given: "medusa fit-head" if given["run"] is None else "medusa report RUN",
    "cross-validate": lambda given: "medusa fit-head trains the chosen head on one split",
    "import-checkpoint": lambda given: "medusa runs, then medusa evaluate RUN",
    "stack": lambda given: f"medusa evaluate {given['name']}",
    "run": _after_recipe,
    "tables": lambda given: "medusa runs",
    "evaluate": _after_scores,
    "report": lambda given: f"medusa predict {given['run']} AUDIO, or medusa bundle {given['run']}",
    "predict": _after_prediction,
    "bundle": lambda given: f"medusa predict {given['output']} AUDIO, on any machine",
    "export-onnx": lambda given: "onnxruntime runs this file; docs/onnx.md has an example",
    "push": lambda given: f"medusa pull {given['repo']}, on another machine",
    "pull": lambda given: "medusa predict FOLDER AUDIO",
}


def with_next_step(name: str, command: click.Command) -> click.Command:
    """Make a command report its next step on stderr when it has succeeded; once is enough."""
    step, callback = NEXT.get(name), command.callback
    if step is None or callback is None or hasattr(callback, "next_step"):
        return command

    @functools.wraps(callback)
    def run(*arguments: Any, **given: Any) -> Any:
        result = callback(*arguments, **given)
        if not given.get("as_json"):
            say(f"next: {step(given)}")
        return result

    run.next_step = step  # type: ignore[attr-defined]
    command.callback = run
    return command
