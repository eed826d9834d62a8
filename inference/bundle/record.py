"""`bundle.json`: the members, the features and the texts of a model as plain values, and back.

The record contains no path. The folder of a member is its number in the order of the record.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from medusa.cache import FeatureSpec
from medusa.errors import RunError, listed
from medusa.heads.runs.run_dir import RunDir
from medusa.inference.bundle.layout import CHANNELS, RECORD, RUNS
from medusa.inference.bundle.sources import checked_source, source_of
from medusa.inference.parts import ModelFeature, ModelMember, ModelParts, TextSource
from medusa.manifests import LabelScheme
from medusa.strict import quoted
from medusa.workspace import is_file_name

FORMAT = 1
LONGEST_NAME = 200  # of a run or a class
TYPES = {"language": str, "max_tokens": int, "prompt": str, "beam": int}
TYPES |= {"flagged": str, "precision": str}


def runs_of(root: ModelMember) -> list[RunDir]:
    """Return the runs of a model in the order of their numbers in a bundle."""
    return [root.run, *(run for member in root.members for run in runs_of(member))]


def record_of(parts: ModelParts, card: dict[str, Any]) -> dict[str, Any]:
    """Return the content of `bundle.json`."""
    text = parts.text
    return {
        "format": FORMAT,
        "classes": list(parts.scheme.classes),
        "model": _member_record(parts.root),
        "features": [one.spec.to_dict() for one in parts.features],
        "text": None if text is None else _text_record(text),
        "card": card,
    }


def parts_of_bundle(folder: Path) -> ModelParts:
    """Return the model of a bundle whose checksums have been compared.

    Raises:
        RunError, StoreError: the record is of another version, or its names are no names.
    """
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    if record["format"] != FORMAT:
        raise RunError(
            f"{folder / RECORD}: expected format {FORMAT}, found {quoted(record['format'])}; "
            "install the version of medusa that wrote the bundle"
        )
    classes, card = tuple(record["classes"]), dict(record["card"])
    for name in (*classes, card["name"]):
        if not isinstance(name, str) or not name.isprintable() or len(name) > LONGEST_NAME:
            raise RunError(
                f"{folder / RECORD}: expected names of classes and of the model in printable "
                f"signs, found {quoted(name)}; make the bundle again"
            )
    specs = [FeatureSpec.from_dict(one) for one in record["features"]]
    return ModelParts(
        _member(record["model"], folder, itertools.count()),
        LabelScheme("bundle", classes),
        tuple(_feature(spec, number, folder) for number, spec in enumerate(specs)),
        _text(record["text"], folder),
        card,
    )


def _member_record(member: ModelMember) -> dict[str, Any]:
    return {
        "name": member.run.name,
        "with_attributes": member.with_attributes,
        "members": [_member_record(one) for one in member.members],
    }


def _text_record(text: TextSource) -> dict[str, Any]:
    """Return the texts without the place of Whisper's file."""
    options = {name: text.options.get(name) for name in TYPES}
    return asdict(text) | {"whisper": "", "options": options}


def _member(values: dict[str, Any], folder: Path, numbers: Iterator[int]) -> ModelMember:
    run = RunDir(folder / RUNS / str(next(numbers)))
    members = tuple(_member(one, folder, numbers) for one in values["members"])
    return ModelMember(run, bool(values["with_attributes"]), members)


def _feature(spec: FeatureSpec, number: int, folder: Path) -> ModelFeature:
    source, revision = source_of(spec, folder)
    path = folder / CHANNELS / f"{number}.safetensors"
    channels = load_file(path) if spec.dtype == "int8" else {}
    return ModelFeature(spec, source, revision, channels)


def _text(values: dict[str, Any] | None, folder: Path) -> TextSource | None:
    """Return the texts that the members read.

    Raises:
        RunError: the table has a path as its name, Whisper is a path, or an option is not valid.
    """
    if values is None:
        return None
    name, checkpoint, revision = (str(values[key]) for key in ("name", "checkpoint", "revision"))
    options = {key: one for key, one in dict(values["options"]).items() if one is not None}
    wrong = [key for key, one in options.items() if type(one) is not TYPES.get(key)]
    if wrong or not is_file_name(name):
        raise RunError(
            f"{folder / RECORD}: expected the name of a table of transcripts and options of "
            f"Whisper, found {quoted(name)} and {listed(wrong)}; make the bundle again"
        )
    if checkpoint not in ("", "local"):
        checked_source(checkpoint.removeprefix("openai-whisper/"), folder)
    return TextSource(name, "", checkpoint, revision, options)
