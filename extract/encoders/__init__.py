"""Encoders: the definition of a backbone, and the steps around one call of its model.

The input is prepared utterances: samples (S,), token ids or spectrograms. The result is `Encoded`
features (K, T, D), with one K for each kept layer; they are reduced, averaged over frames and
copied to the CPU. `runner` is the sequence of steps around one call, with the device, the
precision, the time, and the halving of batches that do not fit into memory. The other modules hold
the protocol of a backbone family and the choice of its layers (`encoder`), variants of a backbone,
the cutting of long clips (`chunking`), and faster convolutions (`front_end`).
Nothing here imports a backbone, a pass over a corpus, or the planning of a pass.

The door: `Backbone`, `BackboneEncoder`, `EncoderRunner`.
"""

from medusa.extract.encoders.encoder import (
    Backbone,
    BackboneEncoder,
    Checkpoint,
    Encoded,
    Family,
    average_frames,
    compile_encoder,
    parse_layers,
    reduced,
)
from medusa.extract.encoders.runner import (
    BatchSplitter,
    ComputeTimer,
    EncoderRunner,
    default_batch_seconds,
    out_of_memory,
    pick_device,
    pick_precision,
)
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
    "pick_device",
    "pick_precision",
    "reduced",
    "variant",
    "variant_of_store",
]
