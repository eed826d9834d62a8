"""`--track`: finished runs are written for TensorBoard, MLflow or Weights & Biases.

The folder of a finished run comes in. `run_record` reads its settings, its epochs and its results,
and `trackers` hands them to the library's own client, which is an extra of the package. Nothing
leaves the machine, unless the environment of the client names a server.

Door: `track_runs.track_runs`.
"""
