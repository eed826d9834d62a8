"""Encoders: the definition of a backbone, and the steps around one call of its model.

The input is prepared utterances: samples (S,), token ids or spectrograms. The result is `Encoded`
features (K, T, D), with one K for each kept layer; they are reduced, averaged over frames and
copied to the CPU. `runner` is the sequence of steps around one call. The other modules hold the
protocol of a backbone family (`encoder`), the choice of layers (`layers`), precision, variants of
a backbone, the cutting of long clips (`chunking`), faster convolutions (`front_end`), devices,
timing, and the halving of batches that do not fit into memory (`memory`).
Nothing here imports a backbone, a pass over a corpus, or the planning of a pass.

The door: `Backbone`, `BackboneEncoder`, `EncoderRunner`.
"""

from medusa.extract.encoders.batch_splitter import BatchSplitter, out_of_memory
from medusa.extract.encoders.compute_timer import ComputeTimer
from medusa.extract.encoders.devices import default_batch_seconds, pick
from medusa.extract.encoders.encoder import (
    Backbone,
    BackboneEncoder,
    Checkpoint,
    Encoded,
    Family,
    compile_encoder,
)
from medusa.extract.encoders.layers import average_frames, parse_layers, reduced
from medusa.extract.encoders.precision import pick as pick_precision
from medusa.extract.encoders.runner import EncoderRunner
from medusa.extract.encoders.variants import frames_averaged, variant, variant_of_store

__all__ = [
    "Backbone",
    "BackboneEncoder",
    "BatchSplitter",
    "Checkpoint",
    "ComputeTimer",
    "Encoded",
    "EncoderRunner",
    "Family",
    "average_frames",
    "compile_encoder",
    "default_batch_seconds",
    "frames_averaged",
    "out_of_memory",
    "parse_layers",
    "pick",
    "pick_precision",
    "reduced",
    "variant",
    "variant_of_store",
]
