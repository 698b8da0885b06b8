"""SONATA (Dai et al. 2020, doi:10.1371/journal.pcbi.1007696): networks, spikes, simulations in HDF5, CSV and JSON."""
