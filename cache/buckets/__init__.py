"""Feature stores in buckets are read through a copy of their blocks on the local disk.

In: ranges of committed shards, which never change. Out: rows of frames, as from a local store. The
copies together take at most a given number of bytes, and several processes share them.
"""
