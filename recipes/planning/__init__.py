"""The disk space, memory and hours of a whole recipe, estimated before it runs.

In: a `Recipe`, the size of a corpus and of its splits, and a device. Out: a `Plan`. Nothing is
extracted or trained.

The door: `plan.plan`, and `plan_command` for the command line.
"""
