"""The shell script that submits a recipe to Slurm as four jobs, each after the one before."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from medusa.errors import ConfigError
from medusa.extract.extraction_options import ExtractionOptions
from medusa.recipes.definition.load import load
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.extraction import extraction_options
from medusa.recipes.features import is_of_text, needed
from medusa.recipes.tasks import head_tasks
from medusa.workspace import Workspace

HEAD = """#!/bin/bash
# The recipe {name} as Slurm jobs. Submit them from the folder in which this script was made:
#     bash job.sh
# sbatch reads further options from the environment: SBATCH_PARTITION, SBATCH_ACCOUNT, ...
set -euo pipefail
"""
JOB = """
{step}=$(sbatch --parsable --job-name={name}-{step}{options} <<'JOB'
#!/bin/bash
set -euo pipefail
{lines}
JOB
)
echo "{step}: job ${{{step}%%;*}}"
"""
FURTHER = ("like", "average_frames", "window_s")


def slurm_script(workspace: Workspace, recipe: str, shards: int, sbatch: str = "") -> str:
    """Return a shell script that submits the jobs extract, fit, stack and report of a recipe.

    Args:
        workspace: the workspace in which the jobs work; all nodes need its folder.
        recipe: the name of a shipped recipe, or the path of a YAML file.
        shards: the number of tasks that share the extraction of audio features.
        sbatch: options of `sbatch` for all jobs, such as `--gpus=1 --time=8:00:00`.

    Raises:
        MedusaError: the recipe has mistakes, or `sbatch` has an open quote.
    """
    loaded = load(recipe)
    common = _words(sbatch)
    medusa = ["medusa", "--workspace", str(workspace.root)]
    run, tables = [[*medusa, command, recipe] for command in ("run", "tables")]
    folder = workspace.root / "recipes" / Path(recipe).stem
    into = shlex.quote(str(folder / "tables.md"))
    jobs = {
        "extract": [shlex.join([*medusa, *words]) for words in extractions(workspace, loaded)],
        "fit": [shlex.join([*run, "--no-stacks"])],
        "stack": [shlex.join(run)],
        "report": [f"{shlex.join([*tables, '--format', 'markdown'])} > {into}"],
    }
    text, before = HEAD.format(name=Path(recipe).stem), ""
    for step, lines in jobs.items():
        if not lines:
            continue
        options = [f"--array=0-{shards - 1}"] if step == "extract" else []
        options += [shlex.quote(word) for word in common]
        if before:
            options += [f'--dependency="afterok:${{{before}%%;*}}"', "--kill-on-invalid-dep=yes"]
        name = shlex.quote(Path(recipe).stem)
        given = "".join(f" {option}" for option in options)
        text += JOB.format(step=step, name=name, options=given, lines="\n".join(lines))
        before = step
    return text


def extractions(workspace: Workspace, recipe: Recipe) -> list[list[str]]:
    """Return the words of `medusa extract` for each audio feature of a recipe.

    The features of texts are left to `medusa run`, which first transcribes a corpus without texts.
    """
    names = {feature for task in head_tasks(recipe) for feature in task.features}
    commands = []
    for name, feature in needed(recipe, sorted(names)).items():
        backbone = feature.backbone or name
        if not is_of_text(backbone):
            options = extraction_options(workspace, name, feature)
            commands.append(["extract", "--backbone", backbone, *_options(options)])
    return commands


def _options(options: ExtractionOptions) -> list[str]:
    """Return the options of `medusa extract` that differ from their defaults."""
    usual = ExtractionOptions()
    named = {"--checkpoint": "checkpoint", "--as": "label", "--layers": "layers"}
    named |= {"--reduce": "reduce"}
    words = [
        word
        for option, field in named.items()
        if (value := getattr(options, field)) != getattr(usual, field)
        for word in (option, str(value))
    ]
    further = [one for one in FURTHER if getattr(options, one) != getattr(usual, one)]
    return [*words, *(f"--set={one}={getattr(options, one)}" for one in further)]


def _words(sbatch: str) -> Sequence[str]:
    """Return the options of `sbatch` as words."""
    try:
        return shlex.split(sbatch)
    except ValueError as problem:
        raise ConfigError(f"--sbatch {sbatch}: {problem}; close the quote") from problem
