"""The list of the runs of a workspace: `medusa runs`.

The folder `runs/` and the manifest come in; one row per run goes out, with its features, its head
or its method, its scores on dev and test, and the time at which it was finished.
The door: `list_runs` in `rows.py`; `command.py` prints the rows.
"""
