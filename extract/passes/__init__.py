"""Passes over a corpus: utterances are read ahead, encoded in batches and stored.

In go `ExtractionJob`s and a device; out come filled feature stores and one `Outcome` for each.
`single_pass` fills one store, `shared_pass` the stores of several encoders from one reading of
the audio, `multi_device` spreads the utterances over processes, and `recompute` compares stored
features with new ones. `stream` is the loop that all of them share.
Nothing here imports a command or the decoder of Whisper.

Door: `multi_device.extract_on_devices`, `recompute.recompute`.
"""
