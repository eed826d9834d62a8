"""Verification of a workspace: every file that carries a checksum is compared with it.

A workspace comes in, and a `Verified` comes out for each thing in it: the manifest, the tables of
transcripts, the feature stores, the runs, the recipes and the cross-validations. Each room has its
own check, and `verify.verify` calls all of them. Only the command line uses this folder.
"""
