"""Planning: the work of an extraction is listed and checked before it begins.

The input is a workspace and the options of `medusa extract`. The results are one `ExtractionJob`
for each backbone (utterances, the identity of the features, the store), and an estimate of the
bytes, the frames and the hours. `room` compares the bytes with the free bytes of the disk, and
`origin` finds the weights from which a store was made.
Nothing here imports a pass over the corpus, and no weights are read before `ExtractionJob.load`.

The door: `plan_jobs`, `require_room`, `ExtractionJob`.
"""

from medusa.extract.planning.estimate import CorpusSize, Estimate, corpus_of, estimate_of
from medusa.extract.planning.jobs import ExtractionJob, plan_jobs, utterances_for
from medusa.extract.planning.operations import (
    EXTRACT_MFU,
    extract_hours,
    product_flop_s,
    profile_of,
    utterance_flop,
)
from medusa.extract.planning.room import bytes_of, free_bytes, require_room

__all__ = [
    "EXTRACT_MFU",
    "CorpusSize",
    "Estimate",
    "ExtractionJob",
    "bytes_of",
    "corpus_of",
    "estimate_of",
    "extract_hours",
    "free_bytes",
    "plan_jobs",
    "product_flop_s",
    "profile_of",
    "require_room",
    "utterance_flop",
    "utterances_for",
]
