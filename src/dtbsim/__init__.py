"""dtbsim: distributed spiking-network simulator and platform for digital twin brains.

    import dtbsim

    config = dtbsim.load_config("examples/microcircuit.yaml")
    result = dtbsim.run(config, set=["simulation.duration_ms=1000"])
    spikes = result.open().spikes_pandas()

Whatever a configuration file says can be built from objects (`dtbsim.RunConfig`, `dtbsim.Population`, ...). Names are
loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dtbsim.version import VERSION

if TYPE_CHECKING:
    from dtbsim.api import build, estimate, resume, run, start, validate
    from dtbsim.assimilation import AssimilationResult, assimilate
    from dtbsim.atlas import list_atlases, load_atlas
    from dtbsim.atlas.derive_folder import derive_atlas
    from dtbsim.atlas.importing import import_atlas
    from dtbsim.chips.registry import list_chips, load_chip
    from dtbsim.config import dump_config, load_config
    from dtbsim.config.changes import Change, SineCourse
    from dtbsim.config.drives import NeuronRange
    from dtbsim.config.network import (
        HomeostaticStage,
        HomeostaticTonic,
        Population,
        Projection,
        TractDelay,
    )
    from dtbsim.config.own_synapse import OwnSynapse
    from dtbsim.config.parts import SpikeArrays
    from dtbsim.config.positions import BoxPositions, DiscPositions, GivenPositions, GridPositions
    from dtbsim.config.run import (
        Analysis,
        Bold,
        Record,
        RecordCorrelation,
        RecordSpikes,
        RecordStates,
        RecordWeights,
        RunConfig,
        Simulation,
    )
    from dtbsim.config.scaling import SynapticScaling
    from dtbsim.config.values import (
        Exponential,
        FromFile,
        Lognormal,
        Matrix,
        Normal,
        RegionMap,
        RegionValues,
        TruncatedNormal,
        Uniform,
    )
    from dtbsim.errors import DtbsimError, InputError
    from dtbsim.fitting import fit, sweep
    from dtbsim.interchange.functions import export, import_network
    from dtbsim.mapping.export import export_mapping
    from dtbsim.mapping.folder import open_mapping
    from dtbsim.mapping.make import map_network
    from dtbsim.mapping.run import run_mapping
    from dtbsim.models import get_model, list_models
    from dtbsim.models.circuits.balanced_ei import BalancedEI
    from dtbsim.models.circuits.potjans_diesmann import PotjansDiesmann
    from dtbsim.models.connections.all_to_all import AllToAll
    from dtbsim.models.connections.distance_dependent import DistanceDependent
    from dtbsim.models.connections.explicit import EdgeArrays, Explicit
    from dtbsim.models.connections.fixed_indegree import FixedIndegree
    from dtbsim.models.connections.fixed_outdegree import FixedOutdegree
    from dtbsim.models.connections.fixed_total_number import FixedTotalNumber
    from dtbsim.models.connections.one_to_one import OneToOne
    from dtbsim.models.connections.pairwise_bernoulli import PairwiseBernoulli
    from dtbsim.models.drives.current_series import CurrentSeriesDrive
    from dtbsim.models.drives.dc import DCDrive
    from dtbsim.models.drives.gamma import GammaDrive
    from dtbsim.models.drives.inhomogeneous_poisson import InhomogeneousPoissonDrive
    from dtbsim.models.drives.noise_current import NoiseCurrentDrive
    from dtbsim.models.drives.ou_current import OUCurrentDrive
    from dtbsim.models.drives.poisson import PoissonDrive
    from dtbsim.models.drives.pulse_packet import PulsePacketDrive
    from dtbsim.models.drives.pulse_train import PulseTrainDrive
    from dtbsim.models.drives.ramp import RampDrive
    from dtbsim.models.drives.renewal import RenewalDrive
    from dtbsim.models.drives.sinusoidal import ACDrive, SinusoidalDrive
    from dtbsim.models.drives.sinusoidal_gamma import SinusoidalGammaDrive
    from dtbsim.models.drives.sinusoidal_poisson import SinusoidalPoissonDrive
    from dtbsim.models.drives.spike_trains import SpikeTrainDrive
    from dtbsim.models.drives.step_current import StepCurrentDrive
    from dtbsim.models.drives.white_noise import WhiteNoiseDrive
    from dtbsim.models.synapses.configured import (
        STDP,
        GraupnerBrunel,
        SaturatingNMDA,
        STDPDopamine,
        STDPPowerLaw,
        STDPTriplet,
        SymmetricHebbian,
        TsodyksMarkram,
        VogelsSprekeler,
    )
    from dtbsim.report import write_report
    from dtbsim.simulate import RunResult
    from dtbsim.simulate.live import LiveRun
    from dtbsim.store import Run, hash_run, open_run
    from dtbsim.tuning import Tuned, tune

__version__ = VERSION

_MODULES = {
    "api": ("build", "estimate", "resume", "run", "start", "validate"),
    "atlas": ("list_atlases", "load_atlas"),
    "atlas.derive_folder": ("derive_atlas",),
    "atlas.importing": ("import_atlas",),
    "chips.registry": ("list_chips", "load_chip"),
    "config": ("dump_config", "load_config"),
    "config.changes": ("Change", "SineCourse"),
    "config.drives": ("NeuronRange",),
    "config.network": (
        "HomeostaticStage",
        "HomeostaticTonic",
        "Population",
        "Projection",
        "TractDelay",
    ),
    "config.own_synapse": ("OwnSynapse",),
    "config.parts": ("SpikeArrays",),
    "config.run": (
        "Analysis",
        "Bold",
        "Record",
        "RecordCorrelation",
        "RecordSpikes",
        "RecordStates",
        "RecordWeights",
        "RunConfig",
        "Simulation",
    ),
    "config.scaling": ("SynapticScaling",),
    "models.synapses.configured": (
        "STDP",
        "STDPDopamine",
        "STDPPowerLaw",
        "STDPTriplet",
        "GraupnerBrunel",
        "SaturatingNMDA",
        "SymmetricHebbian",
        "TsodyksMarkram",
        "VogelsSprekeler",
    ),
    "config.values": (
        "Exponential",
        "FromFile",
        "Lognormal",
        "Matrix",
        "Normal",
        "RegionMap",
        "RegionValues",
        "TruncatedNormal",
        "Uniform",
    ),
    "errors": ("DtbsimError", "InputError"),
    "interchange.functions": ("export", "import_network"),
    "mapping.export": ("export_mapping",),
    "mapping.folder": ("open_mapping",),
    "mapping.make": ("map_network",),
    "mapping.run": ("run_mapping",),
    "models": ("get_model", "list_models"),
    "config.positions": ("BoxPositions", "DiscPositions", "GivenPositions", "GridPositions"),
    "models.circuits.balanced_ei": ("BalancedEI",),
    "models.circuits.potjans_diesmann": ("PotjansDiesmann",),
    "models.connections.all_to_all": ("AllToAll",),
    "models.connections.distance_dependent": ("DistanceDependent",),
    "models.connections.explicit": ("EdgeArrays", "Explicit"),
    "models.connections.fixed_indegree": ("FixedIndegree",),
    "models.connections.fixed_outdegree": ("FixedOutdegree",),
    "models.connections.fixed_total_number": ("FixedTotalNumber",),
    "models.connections.one_to_one": ("OneToOne",),
    "models.connections.pairwise_bernoulli": ("PairwiseBernoulli",),
    "models.drives.dc": ("DCDrive",),
    "models.drives.inhomogeneous_poisson": ("InhomogeneousPoissonDrive",),
    "models.drives.noise_current": ("NoiseCurrentDrive",),
    "models.drives.ou_current": ("OUCurrentDrive",),
    "models.drives.poisson": ("PoissonDrive",),
    "models.drives.current_series": ("CurrentSeriesDrive",),
    "models.drives.pulse_train": ("PulseTrainDrive",),
    "models.drives.ramp": ("RampDrive",),
    "models.drives.sinusoidal": (
        "ACDrive",
        "SinusoidalDrive",
    ),
    "models.drives.sinusoidal_poisson": ("SinusoidalPoissonDrive",),
    "models.drives.spike_trains": ("SpikeTrainDrive",),
    "models.drives.step_current": ("StepCurrentDrive",),
    "models.drives.gamma": ("GammaDrive",),
    "models.drives.sinusoidal_gamma": ("SinusoidalGammaDrive",),
    "models.drives.pulse_packet": ("PulsePacketDrive",),
    "models.drives.white_noise": ("WhiteNoiseDrive",),
    "models.drives.renewal": ("RenewalDrive",),
    "report": ("write_report",),
    "simulate": ("RunResult",),
    "simulate.live": ("LiveRun",),
    "store": ("Run", "hash_run", "open_run"),
    "assimilation": ("AssimilationResult", "assimilate"),
    "fitting": ("fit", "sweep"),
    "tuning": ("Tuned", "tune"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "STDP",
    "ACDrive",
    "AllToAll",
    "Analysis",
    "AssimilationResult",
    "BalancedEI",
    "Bold",
    "BoxPositions",
    "Change",
    "CurrentSeriesDrive",
    "DCDrive",
    "DiscPositions",
    "DistanceDependent",
    "DtbsimError",
    "EdgeArrays",
    "Explicit",
    "Exponential",
    "FixedIndegree",
    "FixedOutdegree",
    "FixedTotalNumber",
    "FromFile",
    "GammaDrive",
    "GivenPositions",
    "GraupnerBrunel",
    "GridPositions",
    "HomeostaticStage",
    "HomeostaticTonic",
    "InhomogeneousPoissonDrive",
    "InputError",
    "LiveRun",
    "Lognormal",
    "Matrix",
    "NeuronRange",
    "NoiseCurrentDrive",
    "Normal",
    "OUCurrentDrive",
    "OneToOne",
    "OwnSynapse",
    "PairwiseBernoulli",
    "PoissonDrive",
    "Population",
    "PotjansDiesmann",
    "Projection",
    "PulsePacketDrive",
    "PulseTrainDrive",
    "RampDrive",
    "Record",
    "RecordCorrelation",
    "RecordSpikes",
    "RecordStates",
    "RecordWeights",
    "RegionMap",
    "RegionValues",
    "RenewalDrive",
    "Run",
    "RunConfig",
    "RunResult",
    "STDPDopamine",
    "STDPPowerLaw",
    "STDPTriplet",
    "SaturatingNMDA",
    "Simulation",
    "SineCourse",
    "SinusoidalDrive",
    "SinusoidalGammaDrive",
    "SinusoidalPoissonDrive",
    "SpikeArrays",
    "SpikeTrainDrive",
    "StepCurrentDrive",
    "SymmetricHebbian",
    "SynapticScaling",
    "TractDelay",
    "TruncatedNormal",
    "TsodyksMarkram",
    "Tuned",
    "Uniform",
    "VogelsSprekeler",
    "WhiteNoiseDrive",
    "assimilate",
    "build",
    "derive_atlas",
    "dump_config",
    "estimate",
    "export",
    "export_mapping",
    "fit",
    "get_model",
    "hash_run",
    "import_atlas",
    "import_network",
    "list_atlases",
    "list_chips",
    "list_models",
    "load_atlas",
    "load_chip",
    "load_config",
    "map_network",
    "open_mapping",
    "open_run",
    "resume",
    "run",
    "run_mapping",
    "start",
    "sweep",
    "tune",
    "validate",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
