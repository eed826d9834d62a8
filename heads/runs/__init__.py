"""A run on disk: configuration, weights, metrics, predictions."""
