"""The importers share these parts.

The input is the files of a corpus; the result is a `Manifest`, or the tables that make it up.
`tables.py` reads tables as text and lists the bad rows, `acted_corpus.py` reads file names,
`table_corpus.py` turns one table into a manifest, the `msp_*` modules read MSP-Podcast,
`files.py` finds files, `tally.py` counts the rows kept and dropped, and `ingest.py` adds the audio.

Nothing here imports `importers/`. The door for importers is `tables.read_table`,
`acted_corpus.acted_corpus` and `table_corpus.from_table`.
"""
