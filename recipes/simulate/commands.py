"""`medusa simulate`: a corpus of features with known answers."""

from pathlib import Path

import click

from medusa.options import force_option, seed_option


@click.command()
@click.option(
    "--utterances", default=4000, show_default=True, help="The number of utterances, at least 200."
)
@click.option(
    "--speakers",
    type=int,
    help="The number of speakers, at least 12.  [default: one for 25 utterances]",
)
@click.option(
    "--width", default=16, show_default=True, help="The width of the features, at least 8."
)
@seed_option("Another seed gives another corpus.")
@force_option("Remove this folder's simulation and draw it again.")
@click.pass_obj
def simulate(
    root: Path, utterances: int, speakers: int | None, width: int, seed: int, force: bool
) -> None:
    """Fill a folder with simulated features whose best possible score is known exactly.

    The command makes a manifest with votes, speakers and splits, and stores with the names of the
    five backbones, so every command and recipe runs on it. There is no audio. An interrupted
    simulation continues; a finished one only prints its ceilings.
    """
    from medusa.recipes.simulate.facts import show
    from medusa.recipes.simulate.run import folder
    from medusa.recipes.simulate.run import simulate as make

    show(make(folder(root), utterances, width, seed, speakers, force))
