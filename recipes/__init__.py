"""Published systems as YAML files, and the commands that run them.

In: the name of a shipped recipe or a YAML file, and a workspace (a manifest with a split).
Out: feature stores, finished runs of heads and ensembles, a `State` that names those runs,
tables (`text`, `markdown`, `latex`, `csv`) and one HTML report. A `Recipe` holds records only;
`tasks.py` lists its heads and ensembles, `update.py` makes the missing ones.

This room imports every other room except `cli`, which nothing imports.

The door: `load.load` (name -> `Recipe`), `run.run_recipe` and `tables.tables`.
"""
