"""`medusa bundle`, `medusa push` and `medusa pull`: a model is handed on as a folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.options import force_option, output_option

if TYPE_CHECKING:
    from medusa.inference.bundle.write import BundleResult


@click.command()
@click.argument("run")
@output_option("The folder to write.", metavar="DIR", required=True)
@click.option(
    "--with-backbones",
    is_flag=True,
    help="Also copy local weights of backbones: folders of at most 2 GB with safetensors. Other "
    "local weights are stated by their digest, and `medusa predict --set NAME=PATH` names them.",
)
@force_option("Replace a bundle in this folder.")
@click.pass_obj
def bundle(root: Path, run: str, output: Path, with_backbones: bool, force: bool) -> None:
    """Write everything that a finished run needs to predict into one folder.

    The folder contains the weights and settings of all members, the checkpoints and revisions of
    the backbones, a model card, and the checksum of every file. `medusa predict DIR AUDIO` uses
    it on any machine, without the workspace.
    """
    from medusa.inference.bundle.write import write_bundle
    from medusa.workspace import Workspace

    workspace = Workspace.open(root)
    _show(write_bundle(workspace, run, output, with_backbones=with_backbones, force=force))


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("repo")
@click.option("--private", is_flag=True, help="Make a new repository private.")
def push(bundle: Path, repo: str, private: bool) -> None:
    """Upload a bundle to a repository of the Hugging Face Hub, USER/NAME.

    The token of `hf auth login` is used. The environment variable HF_ENDPOINT names another Hub.
    """
    from medusa.inference.bundle.hub import push_bundle

    click.echo(push_bundle(bundle, repo, private=private))


@click.command()
@click.argument("repo")
@output_option("The folder to write.", metavar="DIR", required=True)
@click.option("--revision", help="The branch, tag or commit.  [default: the newest commit]")
@force_option("Replace a bundle in this folder.")
def pull(repo: str, output: Path, revision: str | None, force: bool) -> None:
    """Download a bundle from a repository of the Hugging Face Hub, and compare its checksums."""
    from medusa.inference.bundle.hub import pull_bundle

    _show(pull_bundle(repo, output, revision=revision, force=force))


def _show(result: "BundleResult") -> None:
    """Print the folder, and the facts that its receiver must know."""
    from medusa.console import say

    click.echo(result.folder)
    say(f"{result.folder}: {result.size_bytes / 1e6:.1f} MB, digest {result.digest}")
    if result.not_contained:
        places = " ".join(f"--set {name}=PATH" for name in result.not_contained)
        say(
            f"the weights of {', '.join(result.not_contained)} were local files and are not in the "
            f"bundle; its receiver names them with `medusa predict {result.folder} AUDIO "
            f"{places}`, or in the medusa.yaml of a workspace"
        )
