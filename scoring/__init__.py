"""How good predictions are: metrics, truth, resampling, significance."""
