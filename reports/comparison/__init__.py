"""`medusa compare`: finished runs are compared in pairs on the same utterances.

The names of runs come in. Scores, paired differences and the utterances that only one of two runs
gets right go out, as plain values and as tables.
"""
