"""Training by steps: losses, stages, selection, checkpoints, prediction."""
