"""List the tasks of a recipe: heads with their ablations and repeats, then ensembles."""

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass

from medusa.errors import ConfigError, listed
from medusa.heads.config import Config
from medusa.heads.spec import HeadSpec
from medusa.recipes.definition.recipe import Recipe, config_of, features_of, matching
from medusa.recipes.options import RecipeOptions


@dataclass(frozen=True)
class HeadTask:
    """One head to train.

    Attributes:
        name: its name in tables and files.
        head, ablation, repeat: the entries of the recipe from which it comes. A head without an
            ablation belongs to the whole system.
        features, config: its inputs and its configuration.
    """

    name: str
    head: str
    ablation: str | None
    repeat: int
    features: tuple[str, ...]
    config: Config


@dataclass(frozen=True)
class StackTask:
    """One ensemble to fit on the heads of a repeat, by their tasks' names."""

    name: str
    stack: str
    repeat: int
    members: tuple[str, ...]


def head_tasks(recipe: Recipe, ablations: bool = True) -> Iterator[HeadTask]:
    """Yield every head of every repeat, the whole system before its ablations."""
    for repeat in range(recipe.repeats):
        for ablation in (None, *(recipe.ablations if ablations else ())):
            wanted = list(recipe.heads)
            if ablation is not None:
                wanted = matching(wanted, recipe.ablations[ablation].heads)
            for head in wanted:
                yield HeadTask(
                    name=name_of(head, ablation, repeat),
                    head=head,
                    ablation=ablation,
                    repeat=repeat,
                    features=features_of(recipe, head, ablation),
                    config=config_of(recipe, head, ablation, repeat),
                )


def stack_tasks(recipe: Recipe) -> Iterator[StackTask]:
    """Yield every ensemble of every repeat."""
    for repeat in range(recipe.repeats):
        for name, stack in recipe.stacks.items():
            heads = matching(list(recipe.heads), stack.heads)
            members = tuple(name_of(head, None, repeat) for head in heads)
            yield StackTask(name_of(name, None, repeat), name, repeat, members)


def head_spec(
    task: HeadTask, name: str, options: RecipeOptions, required: tuple[str, ...]
) -> HeadSpec:
    """Return a head as `fit_heads` trains it.

    Args:
        task: the head.
        name: the beginning of the name of its run.
        options: the source of the texts, and whether utterances may lack features.
        required: features that no utterance may lack, besides the head's own.
    """
    return HeadSpec(
        f"{name}.{task.name}",
        task.config,
        task.features,
        options.text,
        options.missing == "drop",
        required,
        named_by_content=True,
    )


def name_of(name: str, ablation: str | None, repeat: int) -> str:
    """Return `m01`, `m01.no-mixup`, `m01.no-mixup.r2`."""
    parts = [name, *([ablation] if ablation else []), *([f"r{repeat}"] if repeat else [])]
    return ".".join(parts)


def check_only(recipe: Recipe, only: str | None) -> None:
    """Check that the pattern of `--only` fits a task.

    Raises:
        ConfigError: it fits none.
    """
    names = [one.name for one in head_tasks(recipe)] + [one.name for one in stack_tasks(recipe)]
    if not any(wanted(one, only) for one in names):
        raise ConfigError(f"--only {only}: fits no task; the tasks are {listed(names, 20)}")


def wanted_heads(recipe: Recipe, only: str | None) -> list[HeadTask]:
    """Return the heads that the pattern of `--only` fits."""
    return [task for task in head_tasks(recipe) if wanted(task.name, only)]


def wanted(name: str, only: str | None) -> bool:
    """Return whether the pattern of `--only` fits this task; without a pattern all tasks fit."""
    return only is None or fnmatch.fnmatchcase(name, only)
