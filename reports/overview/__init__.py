"""The overview of many heads: a page with a table of their settings against their scores.

Finished heads and the manifest on which they were trained come in. `head_rows` collects the
settings that differ and the scores on dev and test; `overview_page` writes the page, whose table
sorts by every column.
"""
