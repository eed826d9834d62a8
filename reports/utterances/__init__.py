"""The utterances of a report: a table of all of them, and a few that are worth a look.

The rows of a split, with their truth and their posteriors, come in as `SplitRows`. Plain values for
the templates go out. `sound` draws waveforms, and encodes recordings for a page that plays them.
"""
