"""The near copies of a workspace are kept in its manifest."""

from collections.abc import Mapping
from pathlib import Path

from medusa.manifests.manifest import Manifest
from medusa.manifests.near_copies.known import naming, with_near_copies
from medusa.manifests.near_copies.prints import Bits
from medusa.manifests.near_copies.search import clips_of, copies_among
from medusa.manifests.write_changed import changing


def read_with_near_copies(path: Path) -> Manifest:
    """Read a manifest as `with_near_copies` returns it; its file names the near copies, too.

    Raises:
        ManifestError: as `Manifest.read`.
    """
    with changing(path):
        present = Manifest.read(path)
        manifest = with_near_copies(present)
        if manifest is not present:
            manifest.write(path)
    return manifest


def keep_near_copies(path: Path, prints: Mapping[str, Bits]) -> None:
    """Name the near copies in a manifest.

    Args:
        path: the manifest.
        prints: the prints of clips by id; one clip for each content.

    Raises:
        ManifestError: as `Manifest.read`.
    """
    with changing(path):
        manifest = Manifest.read(path)
        clips = clips_of(manifest)
        contents = manifest.frame.set_index("id")["content"].dropna().to_dict()
        compared = {contents[name]: bits for name, bits in prints.items() if name in contents}
        compared = {content: bits for content, bits in compared.items() if content in clips}
        naming(manifest, copies_among(clips, compared), compared).write(path)
