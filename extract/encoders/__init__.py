"""Encoders: what a backbone is, and all that happens around one call of its model.

In go prepared utterances (samples (S,), token ids, spectrograms); out come `Encoded` features
(K, T, D), one K for each kept layer, reduced, averaged over frames and copied to the host.
Here are the protocol that every backbone family follows (`encoder`), the choice of layers
(`layers`), precision, variants of a backbone, the cutting of long clips (`chunking`), faster
convolutions (`front_end`), devices, and what is done when memory runs out (`memory`).
Nothing here imports a backbone, a pass over a corpus, or the planning of one.

Door: `Backbone`, `BackboneEncoder`, `reduce_and_offload`.
"""

from medusa.extract.encoders.devices import default_batch_seconds, pick
from medusa.extract.encoders.encoder import (
    Backbone,
    BackboneEncoder,
    Encoded,
    Family,
    compile_encoder,
)
from medusa.extract.encoders.layers import average_frames, parse_layers, reduced
from medusa.extract.encoders.memory import BatchSplitter, out_of_memory
from medusa.extract.encoders.offload import ComputeTimer, Encode, reduce_and_offload
from medusa.extract.encoders.precision import pick as pick_precision
from medusa.extract.encoders.precision import with_autocast
from medusa.extract.encoders.variants import frames_averaged, variant, variant_of_store

__all__ = [
    "Backbone",
    "BackboneEncoder",
    "BatchSplitter",
    "ComputeTimer",
    "Encode",
    "Encoded",
    "Family",
    "average_frames",
    "compile_encoder",
    "default_batch_seconds",
    "frames_averaged",
    "out_of_memory",
    "parse_layers",
    "pick",
    "pick_precision",
    "reduce_and_offload",
    "reduced",
    "variant",
    "variant_of_store",
    "with_autocast",
]
