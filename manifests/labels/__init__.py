"""Labels: from the votes of raters to a consensus and to soft labels.

Votes come in as a table with a row per vote; labels (U,) and soft labels (U, C) go out, in the
order of a label scheme's C classes. `votes.py` counts votes, `schemes.py` reads schemes and maps
one to another, and `published.py` has the schemes of published work by name.

Nothing here reads a corpus or writes a file. The door is `votes.from_votes`, `schemes.parse` and
`schemes.relabel`.
"""
