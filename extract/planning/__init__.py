"""Planning: what an extraction has to do, checked before hours of work begin.

In go a workspace and the options of `medusa extract`; out come one `ExtractionJob` for each
backbone (utterances, the identity of the features, the store), and an estimate of the bytes and
frames. `room` compares the bytes with the free bytes of the disk, and `origin` finds the weights
that a store was made with.
Nothing here reads weights into memory, and nothing imports a pass over the corpus.

Door: `plan_jobs`, `require_room`, `ExtractionJob`.
"""

from medusa.extract.planning.jobs import ExtractionJob, plan_jobs, utterances_for
from medusa.extract.planning.room import bytes_of, require_room

__all__ = ["ExtractionJob", "bytes_of", "plan_jobs", "require_room", "utterances_for"]
