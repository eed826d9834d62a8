"""Recordings with equal features are one recording, although their files differ.

The same samples in wav and in flac, or below another header, give equal features.
"""

import hashlib
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.cache import Stream
from medusa.heads.examples.join import Examples
from medusa.manifests import Manifest
from medusa.manifests.splits.same_recording import with_tied_speakers


def with_equal_recordings(manifest: Manifest, examples: Examples) -> Manifest:
    """Return the manifest in which rows with equal audio features have one `content`.

    Args:
        manifest: the manifest of the examples.
        examples: the joined utterances; the first audio store decides.
    """
    stream = next((one for one in examples.streams if one.store.spec.input == "audio"), None)
    if stream is None:
        return manifest
    contents = manifest.frame.set_index("id")["content"].loc[examples.ids]
    first = _first_equals(stream, contents.to_numpy(object))
    if not first:
        return manifest
    frame = manifest.frame.assign(content=manifest.frame["content"].replace(first))
    return Manifest(frame, manifest.scheme, manifest.votes, manifest.root, manifest.provenance)


def tie_speakers(manifest: Manifest, examples: Examples) -> tuple[Manifest, Examples]:
    """Give speakers who share a recording one name, so that folds keep the recording together."""
    tied = with_tied_speakers(manifest)
    speakers = tied.frame.set_index("id")["speaker"].loc[examples.ids]
    return tied, replace(examples, speakers=speakers.fillna("").to_numpy(str))


def _first_equals(stream: Stream, contents: npt.NDArray[np.object_]) -> dict[str, str]:
    """Return the first content with equal features, by content; only repeated features count.

    The checksums of the store tell which features may be equal, and only these are read.
    """
    entries = stream.store.index
    keys = pd.DataFrame(entries.crc32c()[stream.rows]).assign(length=entries.length[stream.rows])
    alone = ~pd.Series(contents).duplicated()
    likely = alone & keys.where(alone, np.nan).duplicated(keep=False)
    firsts: dict[bytes, str] = {}
    found: dict[str, str] = {}
    for row in np.flatnonzero(likely):
        values = stream.read(np.array([row])).values.numpy()
        digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()
        if firsts.setdefault(digest, contents[row]) != contents[row]:
            found[contents[row]] = firsts[digest]
    return found
