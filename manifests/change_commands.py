"""`medusa manifest relabel`, `merge` and `export`: other classes, several corpora, other tools."""

from pathlib import Path

import click

from medusa.errors import listed, plural
from medusa.manifests.write_changed import pairs, write_changed
from medusa.options import force_option


@click.command()
@click.option(
    "--classes",
    metavar="SCHEME",
    required=True,
    help="msp-8, six, four, iemocap-6, or classes in order, words merged with + and named after =: "
    "angry,happy+excited=happy,sad,neutral.",
)
@click.option(
    "--soft",
    type=click.Choice(["primary", "primary+secondary"]),
    default="primary",
    show_default=True,
    help="Which votes the soft label counts.",
)
@click.option(
    "--other",
    type=click.Choice(["drop", "ninth-class"]),
    default="drop",
    show_default=True,
    help="Votes for no class: not counted, or a class of their own, `other`, the last.",
)
@click.option(
    "--all-other",
    type=click.Choice(["drop", "uniform"]),
    default="drop",
    show_default=True,
    help="Rows whose every vote is for no class: no label, or all classes alike.",
)
@click.option("--name", help="The scheme's name.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write another manifest, in the same folder, and leave this one as it is.",
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

    Votes are counted again under the new scheme. Without votes, labels and soft labels are mapped;
    plain labels are kept as votes, so that they can be changed back.
    """
    from medusa.errors import ManifestError
    from medusa.manifests.labels.schemes import Rules, parse
    from medusa.manifests.labels.schemes import relabel as change
    from medusa.manifests.manifest import Manifest
    from medusa.workspace import Workspace

    path = Workspace.open(workspace).manifest
    corpus = Manifest.read(path)
    changed = change(corpus, parse(classes, name or ""), Rules(soft, other, all_other))
    target = output or path
    if target.parent.resolve() != path.parent.resolve():
        raise ManifestError(f"{target}: paths in a manifest are relative to its folder; "
                            f"write it into {path.parent}")  # fmt: skip
    same = (
        output is None and changed.scheme == corpus.scheme and changed.digest() == corpus.digest()
    )
    write_changed(target, changed, same)


@click.command()
@click.argument("parts", nargs=-1, required=True, metavar="NAME=MANIFEST...")
@force_option("Replace the manifest that is there.")
@click.pass_obj
def merge(workspace: Path, parts: tuple[str, ...], force: bool) -> None:
    """Write one manifest of several that have the same classes.

    Each part is NAME=MANIFEST; ids and speakers become NAME/ID. Splits stay as they are; leave a
    whole corpus out with `medusa manifest split --leave-out NAME --of corpus --force`.
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
    merged = join({name: Manifest.read(Path(file)) for name, file in named.items()}, path.parent)
    same = path.exists() and Manifest.read(path).digest() == merged.digest()
    if path.exists() and not (same or force):
        raise ManifestError(f"{path}: already holds another manifest; replace it with --force")
    write_changed(path, merged, same)


@click.command(short_help="Write the manifest for other tools.")
@click.argument(
    "form", metavar="FORMAT", type=click.Choice(["csv", "lhotse", "audformat", "datasets"])
)
@click.argument("target", type=click.Path(path_type=Path))
@force_option("Replace the file, or an earlier export.")
@click.pass_obj
def export(workspace: Path, form: str, target: Path, force: bool) -> None:
    """Write the manifest for other tools: FORMAT is csv, lhotse, audformat or datasets.

    TARGET is a file for csv, else a folder. Recordings stay where they are and are named by their
    path. `medusa manifest import FORMAT TARGET` reads each of them back.
    """
    from medusa.console import say
    from medusa.manifests.export import export as write
    from medusa.manifests.manifest import Manifest
    from medusa.workspace import Workspace

    corpus = Manifest.read(Workspace.open(workspace).manifest)
    write(corpus, form, target, force)
    say(f"wrote {target}: {plural(len(corpus), 'utterance')} as {form}")
