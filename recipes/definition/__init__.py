"""The definition of a recipe: from a YAML file to a checked `Recipe`.

In: the name of a shipped recipe or the path of a YAML file, and changes from the command line.
Out: a `Recipe`, which holds records only. `files` reads the values and those of the recipe that a
file extends, `tiny_profile` and `settings` change them, and `validation` lists every mistake.

The door: `load.load` (name -> `Recipe`).
"""
