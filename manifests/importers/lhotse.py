"""Lhotse manifests: cuts, or recordings with supervisions, read by the library.

ROOT is a cut manifest (`cuts.jsonl.gz`, also .jsonl or .json), or a folder with one `recordings*`
and one `supervisions*` manifest. There is a row per supervision with its id, segment, speaker,
gender, language and text. Every entry of its `custom` field is a column that `--columns` can name,
as for `csv` (`--columns label=emotion`). The importer needs the extra `medusa-ser[lhotse]`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medusa.errors import ManifestError, listed
from medusa.manifests.import_tools.table_options import OPTIONS
from medusa.manifests.import_tools.tables import SPLIT_CHANNELS, as_text, optional

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest

__all__ = ["OPTIONS", "import_corpus"]


def import_corpus(root: Path, audio: Path | None = None, **options: Any) -> "Manifest":
    """Read the manifest at `root`.

    Raises:
        ManifestError: there is no manifest, or it has no supervision, or `from_table` raises it.
    """
    import pandas as pd

    from medusa.manifests.import_tools.table_corpus import from_table

    lhotse = optional("lhotse")
    rows = list(_rows(_cuts(lhotse, root), root))
    if not rows:
        raise ManifestError(f"{root}: the manifest has no supervision, so it has no labels")
    where = audio or (root if root.is_dir() else root.parent)
    return from_table(as_text(pd.DataFrame(rows)), root, where, **options)


def _cuts(lhotse: Any, root: Path) -> Any:
    """Return the cuts in a file, or make cuts from a folder's recordings and supervisions."""
    if root.is_file():
        return lhotse.CutSet.from_file(root)
    parts = {}
    for kind in ("recordings", "supervisions"):
        found = sorted(path for path in root.glob(f"*{kind}*.json*"))
        if len(found) != 1:
            raise ManifestError(f"{root}: {len(found)} files named *{kind}*.jsonl.gz; expected one")
        parts[kind] = lhotse.load_manifest(found[0])
    return lhotse.CutSet.from_manifests(**parts)


def _rows(cuts: Any, root: Path) -> Iterator[dict[str, object]]:
    """Yield a row per supervision of every cut."""
    for cut in cuts:
        source = _source(cut, root)
        for supervision in cut.supervisions:
            yield {
                **(supervision.custom or {}),
                "id": supervision.id,
                "path": source,
                "start_s": round(cut.start + supervision.start, 6) if source else None,
                "duration_s": supervision.duration if source else None,
                "speaker": supervision.speaker,
                "gender": supervision.gender,
                "language": supervision.language,
                "text": supervision.text,
            }


def _source(cut: Any, root: Path) -> str | None:
    """Return the file of a cut whose supervisions mean all channels of one file; null without any.

    Raises:
        ManifestError: the cut is a mix, or a supervision means one channel of several.
    """
    if not cut.has_recording:
        return None
    files = [source.source for source in cut.recording.sources] if hasattr(cut, "recording") else ()
    if len(files) != 1:
        raise ManifestError(
            f"{root}: cut {cut.id} is of {len(files)} files, and a row is of one file; write the "
            "sound of the cut to a file (`cut.save_audio`)"
        )
    channels = set(cut.recording.channel_ids)
    for part in (cut, *cut.supervisions):
        meant = {part.channel} if isinstance(part.channel, int) else set(part.channel)
        if len(channels) > 1 and meant != channels:
            raise ManifestError(
                f"{root}: {part.id} is channel {listed(sorted(meant))} of {len(channels)} channels "
                f"of {files[0]}; {SPLIT_CHANNELS}"
            )
    return str(files[0])
