"""Train, dev and test: speakers kept apart."""
