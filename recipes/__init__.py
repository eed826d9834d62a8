"""Published systems as YAML files, and the commands that run them.

In: the name of a shipped recipe or a YAML file, and a workspace (a manifest with a split).
Out: feature stores, finished runs of heads and ensembles, tables (`text`, `markdown`, `latex`,
`csv`) and one HTML report. `definition` reads a recipe, and `tasks.py` lists its heads and
ensembles. The `identity` of a task decides which finished run is up to date; `update.py` makes the
missing runs.

This room imports every other room except `cli`, which nothing imports.

The door: `run.run_recipe`, `current_tables.current_tables` and `definition.load.load`.
"""
