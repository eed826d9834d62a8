"""Many heads by one command: seeds and grids, one after the other or several at once.

`variants` expands seeds and grids into overrides, `head_specs` turns them into a `HeadSpec` each,
and `train_all` trains every spec and yields a `HeadResult`: the name of its run, or the problem
that kept it from being trained. Finished runs are left alone, and a failure costs its head alone.
With several jobs every head is trained in a process of its own, and a table on the terminal
follows their metrics.

The command enters through `run_queue.run_all`, recipes through `train_all.train_all`. The folder
never imports `extract`, `ensemble` or `recipes`.
"""
