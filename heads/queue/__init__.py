"""Many heads by one command: seeds and grids, one after the other or several at once.

`head_specs` turns a configuration with seeds and grids into a `HeadSpec` for each combination.
`baseline_specs` lists the heads of a baseline from the feature stores.
`fit_heads` trains every spec and returns a `HeadResult` for each: the name of its run, or the
problem that kept it from being trained. Finished runs are left alone, and a failure costs its head
alone. With several jobs every head is trained in a process of its own, and a table on the terminal
follows their metrics.

Commands, recipes and programs enter through `fit_heads.fit_heads`. The folder never imports
`extract`, `ensemble` or `recipes`.
"""
