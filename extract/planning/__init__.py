"""Planning: what an extraction has to do, checked before hours of work begin.

In go a workspace and the options of `medusa extract`; out come one `ExtractionJob` for each
backbone (utterances, the identity of the features, the store), and an estimate of the bytes and
frames. `origin` finds out which weights a store was made with.
Nothing here reads weights into memory, and nothing imports a pass over the corpus.

Door: `plan_jobs`, `require_room`, `ExtractionJob`.
"""

from medusa.extract.planning.corpus_size import CorpusSize
from medusa.extract.planning.estimate import Estimate, bytes_of, require_room
from medusa.extract.planning.jobs import ExtractionJob, plan_jobs, utterances_for
from medusa.extract.planning.origin import extraction_command, weights_of

__all__ = [
    "CorpusSize",
    "Estimate",
    "ExtractionJob",
    "bytes_of",
    "extraction_command",
    "plan_jobs",
    "require_room",
    "utterances_for",
    "weights_of",
]
