"""The corpus on which a recipe runs: that of the workspace, or a synthetic one."""

from pathlib import Path

from medusa.errors import ConfigError
from medusa.lock import locked
from medusa.recipes.options import RecipeOptions
from medusa.recipes.state import FOLDER
from medusa.workspace import Workspace


def make_corpus(workspace: Workspace, options: RecipeOptions) -> Path | None:
    """Make the synthetic corpus for a tiny recipe in a workspace without a manifest.

    Returns:
        The folder of the stand-ins for the backbones; None for a corpus that is not synthetic.

    Raises:
        ConfigError: there is no manifest, and the recipe is not tiny.
    """
    if options.tiny:
        from medusa.recipes.synthetic.tiny_corpus import make_tiny_corpus

        stand_ins = workspace.root / FOLDER / "stand-ins"
        with locked(stand_ins, "making the synthetic corpus", wait_s=-1):
            return make_tiny_corpus(workspace, stand_ins)
    if not workspace.manifest.exists():
        raise ConfigError(
            f"{workspace.manifest}: no manifest here; make one with `medusa manifest import CORPUS "
            "PATH`, or see the recipe run on a synthetic corpus with --tiny"
        )
    return None
