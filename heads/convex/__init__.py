"""Convex heads: logistic regression, support vector machines and nearest neighbours.

In: a `Head` whose fusion is `fitted_by` rows, `Examples`, a `Config` and a `RunDir`. Out: the head
with the arrays of its classifier, a ridge regression (3, D) of the attributes, and a line of
metrics for every setting that was tried. Settings are chosen by folds of training speakers.

The folder imports closed_form, examples, networks, runs and training, never fitting or queue.
scikit-learn is loaded when a head is fitted.

Door: `fit.ConvexFitter` fits a head.
"""
