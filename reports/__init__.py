"""Reports: the scores of a finished run as plain values, tables, one HTML page or a submission.

A workspace and the name of a run come in. `evaluate.evaluate` returns the scores as a dictionary of
plain values: those of `judged_run` on the own corpus, or those of `transfer` on the corpus of
another workspace. `page` writes the page that `render` makes of them with `pictures` and the
templates, and `submit` writes the files of the challenge. `comparison/` compares runs in pairs,
`tables/` has the formats of tables, and `utterances/` the utterances that a page shows.

This room imports ensemble, heads, scoring, manifests and the root modules, never recipes.
The door: `evaluate.evaluate`, `page.write_report`, `submit.submission`.
"""
