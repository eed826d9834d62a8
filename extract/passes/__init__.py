"""Passes over a corpus: batches are fetched ahead, encoded and stored."""
