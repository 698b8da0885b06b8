"""What models of neurons and synapses cost beside the simplest: from `benchmarks/results/models.json`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.spec.network import Network
from dtbsim.spec.numbers import typical

NEURON = {
    "iaf_psc_delta": 0.63, "iaf_psc_exp": 1.0, "iaf_psc_alpha": 1.33, "iaf_psc_exp_multisynapse": 1.08,
    "iaf_cond_exp": 2.43, "iaf_cond_alpha": 2.99, "mat2_psc_exp": 1.27, "amat2_psc_exp": 1.94, "glif1_psc": 1.01,
    "glif2_psc": 1.32, "glif3_psc": 1.47, "lif_dtb": 1.32, "iaf_wang_2002": 6.12, "izhikevich": 1.01,
    "izhikevich_2007": 4.74, "aeif_cond_exp": 7.23, "hh_psc_alpha": 64.5, "hh_cond_exp_traub": 67.1, "qif": 3.32,
    "theta": 4.21, "parrot_neuron": 0.5,
}  # fmt: skip
"""A step of a neuron beside one of iaf_psc_exp."""
OWN_NEURON = 3.0
"""The same, of a model that was not measured."""
SYNAPSE = {"tsodyks_markram": 1.37, "saturating_nmda": 0.96, "stdp": 18.0, "stdp_power_law": 16.6, "stdp_triplet": 14.6}
"""An event of a synapse that changes beside one of a static synapse."""
OTHER_SYNAPSE = 16.0
"""The same, of a model that was not measured."""
DRIVE = {"poisson": 1.0, "noise": 1.0, "current": 0.2, "events": 0.1, "trains": 1.0}
"""A step of a driven neuron beside one with a Poisson drive, by the kind of input."""


def neuron_costs(network: Network) -> NDArray[np.float64]:
    """float64[n_populations]: of a step of a neuron, 0 for sources, which have none."""
    of_family = []
    for family in network.families:
        cost = 0.0 if family.model.is_source else NEURON.get(family.declared.name, OWN_NEURON)
        of_family.append(cost)
    return np.array([of_family[population.family] for population in network.populations])


def synapse_costs(network: Network) -> NDArray[np.float64]:
    """float64[n_projections]: of an event."""
    found = np.ones(len(network.projections))
    for index, projection in enumerate(network.projections):
        if projection.dynamics is not None:
            found[index] = SYNAPSE.get(projection.dynamics.model.name, OTHER_SYNAPSE)
    return found


def drive_costs(network: Network) -> NDArray[np.float64]:
    """float64[n_populations]: of a step of a neuron, over all drives of its population."""
    found = np.zeros(len(network.populations))
    for drive in network.drives:
        share = 1.0 if drive.neurons is None else drive.neurons.size / int(network.sizes[drive.population])
        open_share = (min(drive.stop, network.n_steps) - max(drive.start, 0)) / network.n_steps
        found[drive.population] += DRIVE[drive.kind] * share * max(open_share, 0.0)
    return found


def firing_rates(network: Network, rate_hz: float) -> NDArray[np.float64]:
    """float64[n_populations] in Hz: what is known of sources, the assumed rate of all others."""
    found = np.full(len(network.populations), rate_hz)
    biological_s = network.n_steps * network.dt_ms * 1e-3
    for index, population in enumerate(network.populations):
        family = network.families[population.family]
        if family.model.emits == "listed":
            found[index] = len(network.emitted.get(index, ())) / population.size / biological_s
        elif family.model.emits == "poisson":
            found[index] = typical(family.parameters.get("rate_hz", 0.0))
    return found
