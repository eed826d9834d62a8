"""Write the pages of docs/reference/ from the code, each time that the site is built.

They are not committed, so they cannot differ from the code. `tests/test_docs.py` checks them.
"""

import dataclasses
import io
import re
import tokenize
import typing
from collections.abc import Iterator
from importlib import metadata
from inspect import getsource
from pathlib import Path
from typing import Any

import click

import medusa
from medusa.cli import medusa as program
from medusa.ensemble.stacker import StackConfig, Training
from medusa.extract.extraction_options import FurtherOptions
from medusa.extract.transcription.transcription_options import FurtherTranscriptionOptions
from medusa.heads.config import settings
from medusa.inference.cutting.options import FurtherCutOptions
from medusa.inference.serve.server_options import ServerLimits
from medusa.recipes.definition import recipe
from medusa.strict import Allowed, KeyOf

FOLDER = Path(__file__).parent / "reference"
WIDTH = 80
COMMANDS_INTRODUCTION = (
    "Look here for an option whose command you know, or search this page for one that you do not "
    "know. It has the text that `medusa COMMAND --help` prints. If you are new, "
    "[Start](../start.md) has the order of the commands.\n"
)
PYTHON_INTRODUCTION = (
    "Look here for the arguments and the result of a function of `import medusa`. [Medusa in a "
    "Python program](../api.md) shows how they are used, and has the command of each.\n"
)
SETTINGS_INTRODUCTION = (
    "Look here for the default, the allowed values and the meaning of a key, for example before "
    "you change it with `--set KEY=VALUE` or in a YAML file. The page [Heads](../heads.md) "
    "explains the common ones.\n"
)
# A heading -> the dataclass, and the keys before its fields.
CONFIGURATIONS = {
    "The network: `head.`": (settings.HeadConfig, "head."),
    "The losses: `loss.`": (settings.LossConfig, "loss."),
    "MixUp: `mixup.`": (settings.MixupConfig, "mixup."),
    "The training: `train.`": (settings.TrainConfig, "train."),
    "Each stage: `stages.N.`": (settings.StageConfig, "stages.0."),
}
OPTIONS = {
    "`medusa extract --set`": FurtherOptions,
    "`medusa transcribe --set`": FurtherTranscriptionOptions,
    "`medusa stack --set`": StackConfig,
    "`medusa stack --set training.`": Training,
    "`medusa predict --set`": FurtherCutOptions,
    "`medusa serve --set`": ServerLimits,
}
# A heading of the Python page -> the rooms whose functions and classes it has.
TOPICS = {
    "The workspace, and progress": ("workspace", "console"),
    "Predict new recordings, and hand a model on": ("inference",),
    "Import, split and audit a corpus": ("manifests",),
    "Extract features, and read them": ("extract", "cache"),
    "Train heads": ("heads",),
    "Combine heads": ("ensemble",),
    "Judge and report": ("reports",),
    "Recipes, cross-validation and whole experiments": ("recipes",),
}
RECIPE = {
    "The recipe": recipe.Recipe,
    "Each feature, below `features`": recipe.Feature,
    "Each head, below `heads`": recipe.HeadEntry,
    "Each ensemble, below `stacks`": recipe.StackEntry,
    "Each ablation, below `ablations`": recipe.Ablation,
    "The small profile, below `tiny`": recipe.TinyProfile,
}


def leaves(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Context]]:
    """Yield the name and the context of every command and group below one."""
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        inner = click.Context(found, parent=context, info_name=name, max_content_width=WIDTH)
        yield inner.command_path, inner
        yield from leaves(found, inner)


def commands_page() -> str:
    """Return a page with the help text of every command."""
    size = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    root = click.Context(program, info_name="medusa", **size, **program.context_settings)
    parts = [
        "# Every command\n",
        COMMANDS_INTRODUCTION,
        "## medusa\n",
        f"```text\n{program.get_help(root)}\n```\n",
    ]
    for path, context in leaves(program, root):
        context.terminal_width = WIDTH
        depth = "#" * min(4, path.count(" ") + 1)
        parts.append(f"{depth} {path}\n\n```text\n{context.command.get_help(context)}\n```\n")
    return "\n".join(parts)


def settings_page() -> str:
    """Return a page with every key of a configuration, and every name of `--set`."""
    parts = ["# Every setting\n", SETTINGS_INTRODUCTION]
    parts.append("## A configuration of a head\n")
    parts.append(
        "These are the keys of a YAML file for `medusa fit-head --config`, and of `--set "
        "KEY=VALUE`. The presets `medusa` and `small` change some of the defaults. `seed` "
        "(default 0) determines all random numbers.\n"
    )
    for title, (kind, prefix) in CONFIGURATIONS.items():
        parts.append(f"### {title}\n\n{_sentence(kind)}\n\n{_table(kind, prefix)}\n")
    parts.append("## The options of `--set` of other commands\n")
    for title, kind in OPTIONS.items():
        parts.append(f"### {title}\n\n{_sentence(kind)}\n\n{_table(kind, '')}\n")
    parts.append("## The keys of a recipe\n")
    for title, kind in RECIPE.items():
        parts.append(f"### {title}\n\n{_sentence(kind)}\n\n{_table(kind, '')}\n")
    return "\n".join(parts)


def python_page() -> str:
    """Return a page that lists the functions and classes of the package for autodoc."""
    parts = ["# The Python interface\n", PYTHON_INTRODUCTION]
    rooms = {name: medusa._MODULES[name].split(".")[0] for name in medusa.__all__}
    assert set(rooms.values()) <= {room for several in TOPICS.values() for room in several}
    for title, several in TOPICS.items():
        parts.append(f"## {title}\n")
        names = [name for name, room in rooms.items() if room in several]
        # Functions come first; a class is their argument or their result.
        for name in sorted(names, key=lambda name: isinstance(getattr(medusa, name), type)):
            kind = "class" if isinstance(getattr(medusa, name), type) else "function"
            members = "\n:members:" if kind == "class" else ""
            parts.append(
                f"```{{eval-rst}}\n.. auto{kind}:: medusa.{name}{_indented(members)}\n```\n"
            )
    return "\n".join(parts)


def licences_page() -> str:
    """Return a page with the licence of every library that constraints.txt pins."""
    parts = ["# Licences\n"]
    parts.append(
        "medusa itself has the licence Apache-2.0. The table has the libraries that "
        "`constraints.txt` pins, with the licence that each of them states. The tools of openSMILE "
        "(`medusa-ser[egemaps]`) are for research and private use only. Corpora and checkpoints "
        "have licences of their own.\n"
    )
    lines = ["| library | version | licence |", "|---|---|---|"]
    pinned = (FOLDER.parents[1] / "constraints.txt").read_text(encoding="utf-8")
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", pinned, re.M):
        lines.append(f"| {name} | {version} | {licence_of(name)} |")
    return "\n".join([*parts, *lines]) + "\n"


def licence_of(name: str) -> str:
    """Return the licence that a library states, or that it is not installed here."""
    try:
        facts = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "not installed where this page was made"
    classified = [
        line for line in facts.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    names = [line.split(" :: ")[-1] for line in classified]
    stated = (facts["License-Expression"] or "").strip()
    first = next(iter((facts["License"] or "").strip().splitlines()), "")
    return stated or ", ".join(names) or first or "see the library's page"


def _indented(text: str) -> str:
    return text.replace("\n", "\n   ")


def _sentence(kind: type) -> str:
    """Return the first paragraph of a class's docstring."""
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


def _table(kind: type[Any], prefix: str) -> str:
    """Return a Markdown table of a dataclass: key, default, allowed values, and a sentence."""
    hints = typing.get_type_hints(kind, include_extras=True)
    words = _attributes(kind) | _comments(kind)
    lines = ["| key | default | allowed | meaning |", "|---|---|---|---|"]
    for field in dataclasses.fields(kind):
        allowed = _allowed(hints[field.name])
        default = _default(field)
        meaning = words.get(field.name, "")
        lines.append(f"| `{prefix}{field.name}` | {default} | {allowed} | {meaning} |")
    return "\n".join(lines)


def _default(field: "dataclasses.Field[Any]") -> str:
    """Return the default of a field; a nested one has a table of its own."""
    value = field.default
    if value is dataclasses.MISSING:
        made = field.default_factory() if callable(field.default_factory) else None
        value = "see there" if dataclasses.is_dataclass(made) else made
    if isinstance(value, tuple):
        value = list(value)
    if value in (None, "", [], {}):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(hint: Any) -> str:
    """Return the allowed values of a field in words, from its type."""
    if typing.get_origin(hint) is typing.Annotated:
        kind, *marks = typing.get_args(hint)
        for mark in marks:
            if isinstance(mark, KeyOf):
                return ", ".join(f"`{name}`" for name in mark.entries())
            if isinstance(mark, Allowed):
                return f"{_kind(kind)}, {mark.words}"
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(f"`{name}`" for name in typing.get_args(hint))
    return _kind(hint)


KINDS = {"int": "integer", "float": "number", "str": "text", "bool": "`true`, `false`"}


def _kind(hint: Any) -> str:
    """Return a type in words."""
    parts = [one for one in typing.get_args(hint) if one is not type(None)]
    if typing.get_origin(hint) in (tuple, list):
        return "list"
    if typing.get_origin(hint) is dict:
        return "keys and values"
    if parts and len(parts) == 1:
        return _kind(parts[0])
    name = getattr(hint, "__name__", "list")
    return KINDS.get(name, "list" if name == "Sequence" else "a mapping")


def _attributes(kind: type) -> dict[str, str]:
    """Return the words about each field in the `Attributes:` of a docstring."""
    text = (kind.__doc__ or "").partition("Attributes:\n")[2]
    found = {}
    for entry in re.split(r"\n(?=        \w)", "\n" + text):
        names, colon, words = entry.strip().partition(":")
        if colon:
            for name in names.split(","):
                found[name.strip()] = " ".join(words.split()).replace("|", "\\|")
    return found


def _comments(kind: type) -> dict[str, str]:
    """Return the comment on the line of each field, or above it."""
    found, waiting = {}, ""
    for token in tokenize.generate_tokens(io.StringIO(getsource(kind)).readline):
        line = token.line.strip()
        if token.type == tokenize.COMMENT:
            words = token.string.removeprefix("#").strip()
            if line.startswith("#"):
                waiting = f"{waiting} {words}".strip()
            elif match := re.match(r"(\w+):", line):
                found[match[1]] = words
        elif token.type == tokenize.NAME and waiting and re.match(rf"{token.string}\s*:", line):
            found[token.string], waiting = waiting, ""
    return found


def contributing() -> str:
    """Return CONTRIBUTING.md, whose links lead from the folder of the reference."""
    text = (FOLDER.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.sub(
        r"\]\((?:docs/)?", lambda link: "](../" if "docs" in link[0] else "](../../", text
    )


PAGES = {
    "contributing.md": contributing,
    "commands.md": commands_page,
    "settings.md": settings_page,
    "python.md": python_page,
    "licences.md": licences_page,
}


def write_pages(folder: Path = FOLDER) -> None:
    """Write every page whose content has changed."""
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        text, path = page(), folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages()
