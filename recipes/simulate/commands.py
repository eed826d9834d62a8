"""`medusa simulate`: a corpus of features with known answers."""

from pathlib import Path

import click

from medusa.options import force_option, seed_option


@click.command()
@click.option("--utterances", default=4000, show_default=True, help="How many, at least 200.")
@click.option(
    "--speakers", type=int, help="How many, at least 12.  [default: one for 25 utterances]"
)
@click.option("--width", default=16, show_default=True, help="Of the features, at least 8.")
@seed_option("Another seed, another corpus.")
@force_option("Throw this folder's simulation away and draw anew.")
@click.pass_obj
def simulate(
    root: Path, utterances: int, speakers: int | None, width: int, seed: int, force: bool
) -> None:
    """Fill a folder with simulated features whose best possible score is known exactly.

    Makes a manifest with votes, speakers and splits, and stores named like the five backbones, so
    that every command and recipe runs on it. No speech is involved. An interrupted simulation
    continues; a finished one only prints its ceilings.
    """
    from medusa.recipes.simulate.run import folder, show
    from medusa.recipes.simulate.run import simulate as make

    show(make(folder(root), utterances, width, seed, speakers, force))
