"""The audit lists all faults of a manifest.

The input is a `Subject`: a manifest that is read without any check, so that its faults can be
listed. The result is a list of `Finding`s, errors first; each has a level, a message, a remedy and
the rows concerned. `checks.py` checks ids, labels, splits and speakers, `annotations.py` votes and
transcripts, `recordings.py` the headers of audio files, and `waveforms.py` their samples.
`cut_recordings.py` recognises copies whose recordings were cut to one length.

The audit changes no row and imports no importer. Its door is `checks.audit(Subject.read(...))`.
"""
