"""The demo: the whole pipeline runs on a small synthetic corpus.

In: an empty folder, a scale and a seed. Out: the synthetic corpus and its checkpoints, features,
heads, an ensemble and a report.

The demo calls the same commands as a user. Nothing outside this folder imports it, and it never
imports the recipes' own modules.

The door: `run.demo`.
"""
