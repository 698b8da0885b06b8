"""What compiled networks and kernels have in common: random numbers by counter, fixed-point formats, largest counts."""
