"""Audio and text to features, once."""
