"""Reports: the scores of a finished run as plain values, tables, one HTML page or a submission.

A run folder and a manifest come in. `evaluate.evaluate` returns the scores as a dictionary of plain
values; `transfer.transfer` returns those of the run on another workspace's corpus. `page` renders
them with `pictures` and the templates; `submit` writes the files of the challenge.

This room imports ensemble, heads, scoring, manifests and the root modules, never recipes.
The door: `evaluate.evaluate`, `transfer.transfer`, `page.write_report`, `submit.submission`.
"""
