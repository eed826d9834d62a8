"""`medusa demo`: the whole pipeline on a small made-up corpus."""

from pathlib import Path

import click

from medusa.options import force_option, seed_option


@click.command()
@seed_option("Another seed gives another corpus.")
@click.option("--tiny", is_flag=True, help="Use a seventh of the corpus and train very little.")
@force_option("Remove this folder's demo and start again.")
@click.pass_obj
def demo(root: Path, seed: int, tiny: bool, force: bool) -> None:
    """Run the whole pipeline on a small made-up corpus, without the network.

    The demo makes speech, votes and transcripts, and random-weight stand-ins for the five
    backbones. Then it runs the commands that you would type, and prints each of them. It makes the
    folder (--workspace) if there is none. An interrupted demo continues; a complete one only
    prints its results.
    """
    from medusa.recipes.demo.run import demo as make
    from medusa.recipes.demo.session import FULL, TINY

    make(root, TINY if tiny else FULL, seed, force)
