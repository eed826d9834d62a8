"""`medusa demo`: the whole pipeline on a small made-up corpus."""

from pathlib import Path

import click

from medusa.options import force_option, seed_option


@click.command()
@seed_option("Another seed, another corpus.")
@click.option("--tiny", is_flag=True, help="A seventh of the corpus and hardly any training.")
@force_option("Throw this folder's demo away and start anew.")
@click.pass_obj
def demo(root: Path, seed: int, tiny: bool, force: bool) -> None:
    """Run the whole pipeline on a small made-up corpus, without network.

    Makes speech, votes and transcripts, and random-weight stand-ins for the five backbones; then
    runs the commands that you would type, and prints each. The folder (--workspace) is made if
    it is not there. An interrupted demo continues; a complete one only prints its results.
    """
    from medusa.recipes.demo.run import demo as make
    from medusa.recipes.demo.session import FULL, TINY

    make(root, TINY if tiny else FULL, seed, force)
