"""The built-in neuron models, one file each."""
