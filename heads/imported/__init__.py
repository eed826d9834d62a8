"""Heads whose weights come from other programs.

`state_dict` reads a file of weights without unpickling objects. `published` renames the weights of
the published code of MEDUSA. `fit_imported` puts them into a network that predicts the workspace.
The door: `import_checkpoint.import_checkpoint`, which makes a run.
"""
