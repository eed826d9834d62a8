"""One encoder: its precision, layers, memory, and the copy of its output."""
