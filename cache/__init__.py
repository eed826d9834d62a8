"""Layer features on disk."""
