"""Each corpus has one file, found by its name: `crema_d.py` is `medusa manifest import crema-d`.

An importer is a module with

- a docstring that describes the corpus (`medusa manifest import --help` prints its first line),
- `OPTIONS`: the click options that it adds to the command, and
- `import_corpus(root, **options) -> Manifest`: a row per utterance. `path` may be absolute;
  `ingest.attach_audio` fills in `content` and `duration_s` afterwards.

It imports pandas and numpy inside its functions, so that its help is quick. It never imports
another importer.
"""
