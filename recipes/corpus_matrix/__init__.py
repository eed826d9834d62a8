"""`medusa matrix`: a run of each of several corpora, tested on each of these corpora.

Workspaces with the same features come in. `class_names` states which classes of the corpora mean
the same. `matrix.corpus_matrix` trains one head in every workspace, or takes a finished run, and
has `reports.evaluate` judge it on the test split of every workspace. `matrix_tables` and
`matrix_picture` show the scores. A cell without a score has a reason.
"""
