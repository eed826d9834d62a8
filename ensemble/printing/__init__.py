"""The tables of an ensemble and its members on the terminal.

The summary of a stack comes in, and tables and sentences are printed. `show_choice` prints the
scores on dev, and `show` those of any summary. This room uses its parent, and no room above it.
"""
