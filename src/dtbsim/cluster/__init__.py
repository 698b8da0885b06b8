"""Runs as jobs of Slurm: `dtbsim submit`, `status` and `cancel`.

`slurm` calls Slurm's commands, `request` is what a user asks for, `array` the runs of an array, `script` fills in the
template `dtbsim.sbatch`, `submit` and `jobs` do the work.
"""
