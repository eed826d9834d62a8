"""The parts that importers share.

The files of a corpus come in; a `Manifest`, or the tables it is made of, goes out. `tables.py`
reads tables as text and names the bad rows, `acted_corpus.py` reads the names of recordings,
`table_corpus.py` turns one table into a manifest, the `msp_*` modules read MSP-Podcast,
`tally.py` counts the rows kept and dropped, and `ingest.py` adds the audio.

Nothing here imports `importers/`. The door for importers is `tables.read_table`,
`acted_corpus.acted_corpus` and `table_corpus.from_table`.
"""
