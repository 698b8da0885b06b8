"""Compute kernels (numba on CPUs)."""
