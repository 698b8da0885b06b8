"""dtbsim behind PyNN: `import dtbsim.pynn as sim`. Needs the extra `pynn`."""

from __future__ import annotations

from typing import Any

try:
    import pyNN  # noqa: F401
except ImportError as error:
    from dtbsim.errors import MissingDependencyError

    raise MissingDependencyError(f"PyNN cannot be imported: {error}", remedy="pip install 'dtbsim[pynn]'") from None

from pyNN import errors, random, space
from pyNN.connectors import (
    AllToAllConnector,
    ArrayConnector,
    CloneConnector,
    DisplacementDependentProbabilityConnector,
    DistanceDependentProbabilityConnector,
    FixedNumberPostConnector,
    FixedNumberPreConnector,
    FixedProbabilityConnector,
    FixedTotalNumberConnector,
    FromFileConnector,
    FromListConnector,
    IndexBasedProbabilityConnector,
    OneToOneConnector,
    SmallWorldConnector,
)
from pyNN.network import Network
from pyNN.parameters import Sequence
from pyNN.random import GSLRNG, NumpyRNG, RandomDistribution
from pyNN.space import Space
from pyNN.standardmodels import StandardCellType

from dtbsim.pynn.cells import (
    EIF_cond_exp_isfa_ista,
    HH_cond_exp,
    IF_cond_alpha,
    IF_cond_exp,
    IF_curr_alpha,
    IF_curr_delta,
    IF_curr_exp,
    IF_facets_hardware1,
    Izhikevich,
)
from dtbsim.pynn.control import (
    connect,
    create,
    end,
    get_current_time,
    get_max_delay,
    get_min_delay,
    get_time_step,
    initialize,
    num_processes,
    rank,
    record,
    record_gsyn,
    record_v,
    reset,
    run,
    run_for,
    run_until,
    setup,
)
from dtbsim.pynn.electrodes import ACSource, DCSource, NoisyCurrentSource, StepCurrentSource
from dtbsim.pynn.native import native_cell_type
from dtbsim.pynn.populations import Assembly, Population, PopulationView
from dtbsim.pynn.projections import Connection, Projection
from dtbsim.pynn.simulator import state
from dtbsim.pynn.sources import SpikeSourceArray, SpikeSourceGamma, SpikeSourcePoisson, SpikeSourcePoissonRefractory
from dtbsim.pynn.synapses import (
    AdditivePotentiationMultiplicativeDepression,
    AdditiveWeightDependence,
    GutigWeightDependence,
    MultiplicativeWeightDependence,
    SpikePairRule,
    StaticSynapse,
    STDPMechanism,
    TsodyksMarkramSynapse,
)


def list_standard_models() -> list[str]:
    """Return the names of the standard cell types that are there."""
    return [
        name
        for name, item in globals().items()
        if isinstance(item, type) and issubclass(item, StandardCellType) and item is not StandardCellType
    ]


_ELSEWHERE = {
    "EIF_cond_alpha_isfa_ista": "EIF_cond_exp_isfa_ista",
    "GIF_cond_exp": 'native_cell_type("glif3_psc") and other models of dtbsim',
    "IF_cond_exp_gsfa_grr": "EIF_cond_exp_isfa_ista, which adapts, too",
    "PointNeuron": 'native_cell_type("iaf_psc_exp_multisynapse", receptors={...})',
    "SimpleStochasticSynapse": "TsodyksMarkramSynapse, without chance",
    "SpikeSourceInhGamma": "SpikeSourceGamma, or listed spikes",
    "native_synapse_type": "STDPMechanism and TsodyksMarkramSynapse",
}


def __getattr__(name: str) -> Any:
    nearest = f"; there is {_ELSEWHERE[name]}" if name in _ELSEWHERE else ""
    raise AttributeError(f"dtbsim.pynn has no {name}{nearest}")


__all__ = [
    "GSLRNG",
    "ACSource",
    "AdditivePotentiationMultiplicativeDepression",
    "AdditiveWeightDependence",
    "AllToAllConnector",
    "ArrayConnector",
    "Assembly",
    "CloneConnector",
    "Connection",
    "DCSource",
    "DisplacementDependentProbabilityConnector",
    "DistanceDependentProbabilityConnector",
    "EIF_cond_exp_isfa_ista",
    "FixedNumberPostConnector",
    "FixedNumberPreConnector",
    "FixedProbabilityConnector",
    "FixedTotalNumberConnector",
    "FromFileConnector",
    "FromListConnector",
    "GutigWeightDependence",
    "HH_cond_exp",
    "IF_cond_alpha",
    "IF_cond_exp",
    "IF_curr_alpha",
    "IF_curr_delta",
    "IF_curr_exp",
    "IF_facets_hardware1",
    "IndexBasedProbabilityConnector",
    "Izhikevich",
    "MultiplicativeWeightDependence",
    "Network",
    "NoisyCurrentSource",
    "NumpyRNG",
    "OneToOneConnector",
    "Population",
    "PopulationView",
    "Projection",
    "RandomDistribution",
    "STDPMechanism",
    "Sequence",
    "SmallWorldConnector",
    "Space",
    "SpikePairRule",
    "SpikeSourceArray",
    "SpikeSourceGamma",
    "SpikeSourcePoisson",
    "SpikeSourcePoissonRefractory",
    "StaticSynapse",
    "StepCurrentSource",
    "TsodyksMarkramSynapse",
    "connect",
    "create",
    "end",
    "errors",
    "get_current_time",
    "get_max_delay",
    "get_min_delay",
    "get_time_step",
    "initialize",
    "list_standard_models",
    "native_cell_type",
    "num_processes",
    "random",
    "rank",
    "record",
    "record_gsyn",
    "record_v",
    "reset",
    "run",
    "run_for",
    "run_until",
    "setup",
    "space",
    "state",
]
