"""Checkpoint files: found, identified by content, loaded safely."""
