"""One file per corpus, found by its name: `crema_d.py` is `medusa manifest import crema-d`.

An importer is a module with

- a docstring that says what the corpus is (its first line is shown by
  `medusa manifest import --help`),
- `OPTIONS`: the click options that it adds to the command, and
- `import_corpus(root, **options) -> Manifest`: a row per utterance. `path` may be absolute;
  `content` and `duration_s` are filled in afterwards by `ingest.attach_audio`.

It imports pandas and numpy inside its functions, so that its help is quick, and never another
importer.
"""
