"""The weights of the backbones: a bundle names them, or contains a copy of them."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from medusa.cache import FeatureSpec
from medusa.errors import RunError
from medusa.extract.backbones import families, family
from medusa.extract.checkpoints.hugging_face import LOCAL, files_of_features
from medusa.inference.bundle.layout import BACKBONES, is_allowed
from medusa.inference.parts import ModelFeature
from medusa.strict import quoted, shown

LARGEST_BYTES = 2_000_000_000  # of one backbone in a bundle
HUB_ID = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)?", re.ASCII)
DIGEST, COMMIT = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{40}")


def source_of(spec: FeatureSpec, bundle: Path) -> tuple[str, str | None]:
    """Return the source and the revision of a backbone's weights, as `ModelFeature` has them.

    They follow from the identity of the features; a bundle contains no path. The source is empty
    for weights that were a local file or folder and are not in the bundle.

    Raises:
        RunError: the identity names no checkpoint of the hub, but a path.
    """
    if spec.checkpoint == LOCAL:
        copied = bundle / BACKBONES / spec.revision
        is_copied = DIGEST.fullmatch(spec.revision) and copied.is_dir()
        return (str(copied) if is_copied else ""), None
    if spec.family in families() and family(spec.family).ON_HUB:
        if not COMMIT.fullmatch(spec.revision):
            raise RunError(
                f"{bundle}: {shown(spec.backbone)}: expected the commit of "
                f"{quoted(spec.checkpoint)}, found {quoted(spec.revision)}; make the bundle again"
            )
        return checked_source(spec.checkpoint, bundle), spec.revision
    return checked_source(spec.checkpoint.rpartition("/")[2], bundle), None


def checked_source(name: str, bundle: Path) -> str:
    """Return the name of public weights from a bundle.

    Raises:
        RunError: it is a path, or the name of something in the current folder.
    """
    if not HUB_ID.fullmatch(name) or ".." in name:
        raise RunError(
            f"{bundle}: expected the name of public weights, found {quoted(name)}; make the bundle "
            "again"
        )
    if os.path.lexists(name):
        raise RunError(
            f"{bundle}: the current folder contains {quoted(name)}, which hides the public weights "
            "of this name; run the command in another folder"
        )
    return name


def copy_backbones(features: Sequence[ModelFeature], bundle: Path) -> None:
    """Copy the local weights of backbones into a new bundle, where this is possible.

    Only folders of at most 2 GB whose weights are safetensors are copied. A bundle contains no
    pickled file, such as a checkpoint of openai-whisper.
    """
    for feature in features:
        source, target = Path(feature.source), bundle / BACKBONES / feature.spec.revision
        if feature.spec.checkpoint != LOCAL or not source.is_dir() or target.exists():
            continue
        files = files_of_features(source)
        names = [f"{BACKBONES}/{feature.spec.revision}/{path.name}" for path in files]
        small = sum(path.stat().st_size for path in files) <= LARGEST_BYTES
        if small and all(map(is_allowed, names)):
            target.mkdir(parents=True)
            for path in files:
                shutil.copyfile(path, target / path.name)


def not_contained(features: Sequence[ModelFeature], bundle: Path) -> list[str]:
    """Return the backbones with local weights that a bundle only states, each once."""
    specs = [one.spec for one in features]
    return list(dict.fromkeys(one.backbone for one in specs if not source_of(one, bundle)[0]))
