"""A model as an ONNX graph, from padded features to the posteriors, for use without PyTorch.

`graph` and `operations` write single operations, and `padded` those on utterances of different
lengths. `scalings`, `sequences`, `pooling`, `fusions` and `outputs` write the modules of a head,
and `stackers` those of an ensemble. `model_graph` puts them together, and `compare` compares the
file with PyTorch. The door: `export.export_onnx`.
"""
