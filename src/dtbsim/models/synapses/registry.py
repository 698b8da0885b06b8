"""Which synapse models exist, by name."""

from __future__ import annotations

from dataclasses import dataclass

from dtbsim.config.synapses import SynapseConfig
from dtbsim.models.synapses.base import SynapseModel
from dtbsim.models.synapses.check import check_synapse
from dtbsim.models.synapses.config import config_class
from dtbsim.models.synapses.graupner_brunel import GraupnerBrunel
from dtbsim.models.synapses.saturating_nmda import SaturatingNMDA
from dtbsim.models.synapses.stdp import STDP
from dtbsim.models.synapses.stdp_dopamine import STDPDopamine
from dtbsim.models.synapses.stdp_power_law import STDPPowerLaw
from dtbsim.models.synapses.stdp_triplet import STDPTriplet
from dtbsim.models.synapses.symmetric_hebbian import SymmetricHebbian
from dtbsim.models.synapses.tsodyks_markram import TsodyksMarkram
from dtbsim.models.synapses.vogels_sprekeler import VogelsSprekeler
from dtbsim.registry import Registry


@dataclass(frozen=True, eq=False)
class SynapseKind:
    """A registered synapse model, and its class of configuration objects."""

    model: SynapseModel
    config: type[SynapseConfig]

    @staticmethod
    def of(kind: type[SynapseModel]) -> SynapseKind:
        """Return the entry of a class."""
        model = kind()
        return SynapseKind(model, config_class(model))


def _checked(name: str, value: object) -> SynapseKind:
    if not (isinstance(value, type) and issubclass(value, SynapseModel)):
        raise TypeError("a synapse model is a subclass of dtbsim.models.synapses.SynapseModel")
    if getattr(value, "name", None) != name:
        raise TypeError(f"the class does not call itself '{name}'; the entry point and its `name` must be the same")
    check_synapse(value())
    return SynapseKind.of(value)


SYNAPSE_MODELS: Registry[SynapseKind] = Registry(
    "dtbsim.synapse_models",
    "synapse model",
    {
        model.name: SynapseKind.of(model)
        for model in (
            TsodyksMarkram,
            SaturatingNMDA,
            STDP,
            STDPPowerLaw,
            STDPTriplet,
            STDPDopamine,
            VogelsSprekeler,
            GraupnerBrunel,
            SymmetricHebbian,
        )
    },
    _checked,
)
