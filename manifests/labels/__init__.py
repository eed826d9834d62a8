"""The votes of raters become a consensus and soft labels.

The input is a table with a row per vote; the results are labels (U,) and soft labels (U, C), in
the order of a label scheme's C classes. `votes.py` counts votes, `schemes.py` reads schemes and
maps one scheme to another, and `published.py` has the schemes of published work by name.

Nothing here reads a corpus or writes a file. The door is `votes.from_votes`, `schemes.parse` and
`schemes.relabel`.
"""
