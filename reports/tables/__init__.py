"""Tables of results, and their forms: text, Markdown, LaTeX, csv and csv for spreadsheets.

Rows of texts come in as a `ResultTable`, and one text goes out. Names are shown as they are:
markup, control characters and formulas in them have no effect.
"""
