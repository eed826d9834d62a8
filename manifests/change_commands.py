"""`medusa manifest relabel` changes the classes, and `merge` joins several corpora."""

from pathlib import Path

import click

from medusa.errors import listed
from medusa.manifests.pairs import pairs
from medusa.manifests.write_changed import changing, write_changed
from medusa.options import force_option


@click.command()
@click.option(
    "--classes",
    metavar="SCHEME",
    required=True,
    help="msp-8, six, four, iemocap-6, or the classes in order. A plus sign merges words, and the "
    "name of the class follows the equals sign: angry,happy+excited=happy,sad,neutral.",
)
@click.option(
    "--soft",
    type=click.Choice(["primary", "primary+secondary"]),
    default="primary",
    show_default=True,
    help="The votes that the soft label counts.",
)
@click.option(
    "--other",
    type=click.Choice(["drop", "ninth-class"]),
    default="drop",
    show_default=True,
    help="Votes for words outside the classes are not counted, or they make a last class, `other`.",
)
@click.option(
    "--all-other",
    type=click.Choice(["drop", "uniform"]),
    default="drop",
    show_default=True,
    help="A row with only such votes gets no label, or an equal share of every class.",
)
@click.option("--name", help="The name of the label scheme.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write another manifest in the same folder, and keep the present manifest.",
)
@click.pass_obj  # fmt: skip
def relabel(
    workspace: Path,
    classes: str,
    soft: str,
    other: str,
    all_other: str,
    name: str | None,
    output: Path | None,
) -> None:
    """Change the classes without importing again; no row is dropped.

    Votes are counted again under the new scheme. Rows without votes have their labels and soft
    labels mapped to the new classes. Labels without votes are kept as votes, so that the change
    can be undone.
    """
    from medusa.errors import ManifestError
    from medusa.manifests.labels.schemes import Rules, parse
    from medusa.manifests.labels.schemes import relabel as change
    from medusa.manifests.manifest import Manifest
    from medusa.workspace import Workspace

    path = Workspace.open(workspace).manifest
    target = output or path
    if target.parent.resolve() != path.parent.resolve():
        raise ManifestError(f"{target}: the paths in a manifest are relative to its folder, so the "
                            f"folder must stay the same; write it into {path.parent}")  # fmt: skip
    with changing(target):
        corpus = Manifest.read(path)
        changed = change(corpus, parse(classes, name or ""), Rules(soft, other, all_other))
        same = output is None and changed.scheme == corpus.scheme
        write_changed(target, changed, same and changed.digest() == corpus.digest())


@click.command()
@click.argument("parts", nargs=-1, required=True, metavar="NAME=MANIFEST...")
@force_option("Replace the manifest that is there.")
@click.pass_obj
def merge(workspace: Path, parts: tuple[str, ...], force: bool) -> None:
    """Join several manifests with the same classes.

    Each part is NAME=MANIFEST; its ids and speakers become NAME/ID. The splits are kept. To leave
    a whole corpus out, run `medusa manifest split leave-out NAME --of corpus --force`.
    """
    from medusa.errors import ManifestError
    from medusa.manifests.manifest import Manifest
    from medusa.manifests.merge import merge as join
    from medusa.workspace import Workspace

    path = Workspace.open(workspace).manifest
    named = pairs(",".join(parts), "NAME=MANIFEST ...")
    absent = [file for file in named.values() if not Path(file).is_file()]
    if absent:
        raise ManifestError(f"{listed(absent)}: no such file; expected NAME=MANIFEST ...")
    with changing(path):
        merged = join(
            {name: Manifest.read(Path(file)) for name, file in named.items()}, path.parent
        )
        same = path.exists() and Manifest.read(path).digest() == merged.digest()
        if path.exists() and not (same or force):
            raise ManifestError(f"{path}: already holds another manifest; replace it with --force")
        write_changed(path, merged, same)
