"""Assimilation: states and parameters that follow measured data, by ensemble Kalman methods."""
