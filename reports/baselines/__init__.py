"""Baselines: logistic regression and SVM on every set of features, judged as any other run.

In: a workspace with features, and the name of a finished run to compare with. Out: an ordinary run
for each baseline, and a table of their scores on the same utterances.

Door: `fit_baselines.fit_baselines`.
"""
