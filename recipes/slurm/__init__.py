"""A recipe as Slurm jobs: features in a job array, then heads, ensembles and tables.

In: a recipe and a workspace. Out: a shell script that submits the jobs with their dependencies. The
jobs run the same commands as a person would; `medusa.distributed.slurm` gives each task its share.
"""
