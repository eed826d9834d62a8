"""Work that several processes share: of one machine, of a Slurm array, or of a Ray cluster.

The contract is small. A *piece* of work is a batch of utterances, and all processes cut the same
corpus into the same pieces. A piece is done when the store has its utterances. `pieces` says which
pieces a process takes. Each environment has one file: `slurm` reads the share of an array's task,
`ray_workers` gives tasks to the actors of a cluster, and the processes of one machine take shares
in `extract.passes.processes`. `batch_tasks` makes tasks of several batches for `ray_workers`.

This room imports only the modules at the root. The rooms that compute stand on it.
"""
