"""A balanced excitatory-inhibitory circuit of LIF neurons with AMPA, NMDA and GABA ports.

Weights are given as the total charge of a synaptic event over the membrane capacitance (mV): an event through a port
with decay time tau then has amplitude weight * C_m / tau (pA).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dtbsim.config.bounds import Degree, Number, Size
from dtbsim.config.network import REGIONS, CircuitConfig, Population, Projection
from dtbsim.config.parts import KIND, Regions
from dtbsim.config.values import Value
from dtbsim.errors import InputError
from dtbsim.models.circuits.base import Circuit, Parts
from dtbsim.models.connections.fixed_indegree import FixedIndegree
from dtbsim.models.drives.poisson import PoissonDrive

TAU_MS = {"ampa": 2.0, "nmda": 100.0, "gaba": 5.0}
NEURON_E = {"C_m_pF": 200.0, "tau_m_ms": 20.0, "E_L_mV": -70.0, "V_th_mV": -50.0, "V_reset_mV": -60.0, "t_ref_ms": 2.0}
NEURON_I = {"C_m_pF": 100.0, "tau_m_ms": 10.0, "E_L_mV": -70.0, "V_th_mV": -50.0, "V_reset_mV": -60.0, "t_ref_ms": 1.0}


class BalancedEI(CircuitConfig):
    """Balanced excitatory/inhibitory circuit: populations `NAME.E` and `NAME.I`, local in-degrees, Poisson drive."""

    POPULATIONS: ClassVar[tuple[str, ...]] = ("E", "I")
    delay_keys: ClassVar[tuple[str, ...]] = ("delay_ms",)

    kind: Literal["balanced_ei"] = Field(default="balanced_ei", description=KIND)
    size_E: Size = Field(default=200, description="excitatory neurons (per region)")
    size_I: Size = Field(default=50, description="inhibitory neurons (per region)")
    regions: Regions | None = Field(default=None, description=REGIONS)
    indegree_E: Degree = Field(default=80, description="excitatory synapses per neuron from its own region")
    indegree_I: Degree = Field(default=20, description="inhibitory synapses per neuron from its own region")
    weight_EE_mV: Number = Field(default=0.34, ge=0, description="onto E from E")
    weight_IE_mV: Number = Field(default=0.45, ge=0, description="onto I from E")
    weight_EI_mV: Number = Field(default=3.3, ge=0, description="onto E from I (its size; it inhibits)")
    weight_II_mV: Number = Field(default=1.65, ge=0, description="onto I from I (its size; it inhibits)")
    nmda_fraction: Number = Field(default=0.5, ge=0, le=1, description="share of recurrent excitation through NMDA")
    drive_weight_mV: Number = Field(default=0.6, description="weight of the Poisson drive, through AMPA")
    drive_rate_E_hz: Number = Field(default=1700.0, ge=0, description="Poisson rate into every E neuron")
    drive_rate_I_hz: Number = Field(default=2800.0, ge=0, description="Poisson rate into every I neuron")
    delay_ms: Number | None = Field(default=None, gt=0, description="local delay; default: one step")
    parameters_E: dict[str, Value] = Field(default={}, description="model parameters of E that differ")
    parameters_I: dict[str, Value] = Field(default={}, description="model parameters of I that differ")


def amplitude_pA(charge_mV: float, capacitance_pF: float, port: str) -> float:
    """PSC amplitude of an event that moves the membrane by `charge_mV` in all when there is no leak."""
    return charge_mV * capacitance_pF / TAU_MS[port]


def excitatory_mix(nmda_fraction: float) -> dict[str, float]:
    """Ports of a recurrent excitatory event whose weight is the amplitude that AMPA alone would have."""
    mix = {"ampa": 1.0 - nmda_fraction, "nmda": nmda_fraction * TAU_MS["ampa"] / TAU_MS["nmda"]}
    return {port: factor for port, factor in mix.items() if factor > 0}


def balanced_ei(name: str, circuit: BalancedEI, dt_ms: float) -> Parts:
    """Populations E and I with recurrent projections and Poisson background."""
    parts = Parts()
    delay = circuit.delay_ms or dt_ms
    scope = "same_region" if circuit.regions is not None else None
    sizes = {"E": circuit.size_E, "I": circuit.size_I}
    own = {"E": {**NEURON_E, **circuit.parameters_E}, "I": {**NEURON_I, **circuit.parameters_I}}
    capacitance = {}
    for side, parameters in own.items():
        capacitance[side] = _capacitance_pF(parameters["C_m_pF"], f"circuits.{name}.parameters_{side}.C_m_pF")
        parts.populations[side] = Population(
            model="iaf_psc_exp_multisynapse",
            size=sizes[side],
            regions=circuit.regions,
            receptors=dict(TAU_MS),
            parameters=parameters,
            initial={"V_m_mV": {"distribution": "uniform", "low": -70.0, "high": -50.0}},  # type: ignore[dict-item]
        )
    charge = {
        ("E", "E"): circuit.weight_EE_mV,
        ("E", "I"): circuit.weight_IE_mV,
        ("I", "E"): circuit.weight_EI_mV,
        ("I", "I"): circuit.weight_II_mV,
    }
    indegree = {"E": circuit.indegree_E, "I": circuit.indegree_I}
    for (source, target), charge_mV in charge.items():
        port = "ampa" if source == "E" else "gaba"
        weight = amplitude_pA(charge_mV, capacitance[target], port)
        parts.projections[f"{source}{target}"] = Projection(
            source=f"{name}.{source}",
            target=f"{name}.{target}",
            rule=FixedIndegree(kind="fixed_indegree", indegree=indegree[source]),
            scope=scope,  # type: ignore[arg-type]
            receptor=excitatory_mix(circuit.nmda_fraction) if source == "E" else "gaba",
            weight_pA=weight if source == "E" else -weight,
            delay_ms=delay,
        )
    for side, rate_hz in (("E", circuit.drive_rate_E_hz), ("I", circuit.drive_rate_I_hz)):
        parts.drives[f"background_{side}"] = PoissonDrive(
            kind="poisson",
            target=f"{name}.{side}",
            receptor="ampa",
            rate_hz=rate_hz,
            weight_pA=amplitude_pA(circuit.drive_weight_mV, capacitance[side], "ampa"),
        )
    return parts


def _capacitance_pF(value: object, where: str) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    raise InputError(
        "the weights of this circuit are charges over the capacitance, which must therefore be one number",
        where=where,
        remedy="give a number, or write the populations and projections out",
    )


class BalancedEICircuit(Circuit):
    """`balanced_ei`."""

    config = BalancedEI

    def expand(self, name: str, item: BalancedEI, dt_ms: float) -> Parts:
        """Return its parts."""
        return balanced_ei(name, item, dt_ms)
