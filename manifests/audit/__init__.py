"""The audit lists everything that is wrong with a manifest.

A `Subject` comes in: a manifest read without any check, so that its faults can be listed. A list of
`Finding`s goes out, errors first; each has a level, a message, a remedy and the rows concerned.
`checks.py` looks at ids, labels, splits and speakers, `annotations.py` at votes and transcripts,
`recordings.py` at the headers of audio files, `waveforms.py` at their samples.

The audit changes nothing and imports no importer. Its door is `checks.audit(Subject.read(...))`.
"""
