"""Torch modules: from packed features to class logits and attributes; they know no files."""
