"""Analysis of recorded activity: functional connectivity and its dynamics, spike statistics, spectra.

Modules: `fc`, `fcd`, `baselines` and `summary` for BOLD; `bands` and `directed` for series; `spikes`, `isi` and
`activity` for spikes.
All take plain numpy arrays.
"""
