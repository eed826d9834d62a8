"""Stores out of and into other formats, bit by bit."""
