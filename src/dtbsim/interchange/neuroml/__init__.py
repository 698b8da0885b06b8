"""NeuroML 2 and LEMS: equations of neuron models as ComponentTypes, and small networks."""
