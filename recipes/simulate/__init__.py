"""A corpus of made-up features whose best possible answer is known exactly."""
