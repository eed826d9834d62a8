"""`medusa slurm`: a recipe as Slurm jobs."""

from pathlib import Path

import click


@click.command()
@click.argument("recipe")
@click.option(
    "--shards",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="The number of tasks that share the extraction.",
)
@click.option(
    "--sbatch",
    default="",
    metavar="OPTIONS",
    help="Options of sbatch for all jobs, such as '--gpus=1 --time=8:00:00'.",
)
@click.pass_obj
def slurm(root: Path, recipe: str, shards: int, sbatch: str) -> None:
    """Print a script that submits a recipe to Slurm: `medusa slurm RECIPE > job.sh; bash job.sh`.

    The jobs are a job array that extracts the features, and then one job each for the heads, the
    ensembles and the tables. Each job begins when the one before has succeeded. If a job fails,
    submit the script again: finished work is kept.
    """
    from medusa.recipes.slurm.script import slurm_script
    from medusa.workspace import Workspace

    click.echo(slurm_script(Workspace.open(root), recipe, shards, sbatch), nl=False)
