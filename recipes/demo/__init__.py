"""The demonstration: a small made-up corpus through the whole pipeline."""
