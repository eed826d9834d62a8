"""`medusa simulate`: a corpus of features with known answers."""

from pathlib import Path

import click


@click.command()
@click.option("--utterances", default=4000, show_default=True, help="How many.")
@click.option("--width", default=16, show_default=True, help="Of the features.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another corpus.")
@click.pass_obj
def simulate(home: Path, utterances: int, width: int, seed: int) -> None:
    """Fill a folder with simulated features whose best possible score is known exactly.

    Makes a manifest with votes, speakers and splits, and stores named like the five backbones, so
    that every command and recipe runs on it. No speech is involved.
    """
    from medusa.recipes.simulate.run import folder, show
    from medusa.recipes.simulate.run import simulate as make

    show(make(folder(home), utterances, width, seed))
