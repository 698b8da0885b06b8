"""Building the part of a network that a rank owns: neurons, input slots, synapse rows."""
