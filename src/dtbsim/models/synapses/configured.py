"""Configuration classes of the synapse models of dtbsim, by name."""

from __future__ import annotations

from typing import Any

from dtbsim.models.synapses.registry import SYNAPSE_MODELS

TsodyksMarkram: Any = SYNAPSE_MODELS.find("tsodyks_markram").config
SaturatingNMDA: Any = SYNAPSE_MODELS.find("saturating_nmda").config
STDP: Any = SYNAPSE_MODELS.find("stdp").config
STDPPowerLaw: Any = SYNAPSE_MODELS.find("stdp_power_law").config
STDPTriplet: Any = SYNAPSE_MODELS.find("stdp_triplet").config
STDPDopamine: Any = SYNAPSE_MODELS.find("stdp_dopamine").config
GraupnerBrunel: Any = SYNAPSE_MODELS.find("graupner_brunel").config
SymmetricHebbian: Any = SYNAPSE_MODELS.find("symmetric_hebbian").config
VogelsSprekeler: Any = SYNAPSE_MODELS.find("vogels_sprekeler").config
