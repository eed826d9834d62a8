"""Heads that are computed in closed form instead of trained: linear discriminants.

In: a `Head` built as a `discriminant`, `Examples`, a `Config` and a `RunDir`. Out: the head with
weights (C, D) and (3, D), and a line of metrics for every shrinkage that was tried.

The folder imports examples, networks, runs and training. It never imports fitting or queue.

Door: `fit.ClosedForm` fits a head.
"""
