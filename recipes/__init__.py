"""Published systems, and the demo."""
