"""The cell-type specific cortical microcircuit (Potjans & Diesmann 2014, Cereb Cortex 24:785, Tables 4 and 5).

Initial potentials are the optimised ones of the reference implementation, which avoid a synchronous start.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field

from dtbsim.config.bounds import Number
from dtbsim.config.network import REGIONS, CircuitConfig, Population, Projection
from dtbsim.config.parts import KIND, Regions
from dtbsim.config.values import Normal, TruncatedNormal
from dtbsim.models.circuits.base import Circuit, Parts
from dtbsim.models.connections.fixed_total_number import FixedTotalNumber
from dtbsim.models.drives.dc import DCDrive
from dtbsim.models.drives.poisson import PoissonDrive

POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
SIZES = (20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948)
PROBABILITIES = (  # target x source
    (0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0),
    (0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0),
    (0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0),
    (0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0),
    (0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0),
    (0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0),
    (0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252),
    (0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443),
)
EXTERNAL_INDEGREES = (1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100)
BACKGROUND_RATE_HZ = 8.0
FULL_RATES_HZ = (0.971, 2.868, 4.746, 5.396, 8.142, 9.078, 0.991, 7.523)
PSP_MV = 0.15
RELATIVE_WEIGHT_SD = 0.1
INHIBITION = -4.0
L4E_TO_L23E = 2.0
DELAY_MS = {"E": 1.5, "I": 0.75}
RELATIVE_DELAY_SD = 0.5
NEURON = {
    "C_m_pF": 250.0,
    "tau_m_ms": 10.0,
    "E_L_mV": -65.0,
    "V_th_mV": -50.0,
    "V_reset_mV": -65.0,
    "t_ref_ms": 2.0,
    "tau_syn_ex_ms": 0.5,
    "tau_syn_in_ms": 0.5,
}
V0_MEAN_MV = (-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43)
V0_SD_MV = (5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48)


class PotjansDiesmann(CircuitConfig):
    """The Potjans-Diesmann (2014) microcircuit: populations `NAME.L23E` ... `NAME.L6I`.

    `scale` multiplies neuron numbers; `indegree_scale` the in-degrees, with weights / sqrt(indegree_scale) and a DC
    correction that keeps the mean input (van Albada 2015).
    """

    POPULATIONS: ClassVar[tuple[str, ...]] = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")

    kind: Literal["potjans_diesmann"] = Field(default="potjans_diesmann", description=KIND)
    scale: Number = Field(default=1.0, gt=0, description="factor on neuron numbers")
    indegree_scale: Number = Field(default=1.0, gt=0, description="factor on in-degrees")
    regions: Regions | None = Field(default=None, description=REGIONS)
    drive: Literal["poisson", "dc"] = Field(default="poisson", description="external input: spikes, or their mean")


def psc_amplitude_pA(psp_mV: float) -> float:
    """PSC amplitude whose PSP peaks at `psp_mV` for exponential currents."""
    tau_m, tau_s, c = NEURON["tau_m_ms"], NEURON["tau_syn_ex_ms"], NEURON["C_m_pF"]
    ratio = tau_s / tau_m
    rise = ratio ** (tau_s / (tau_m - tau_s)) - ratio ** (tau_m / (tau_m - tau_s))
    peak: float = tau_m * tau_s / (tau_m - tau_s) * rise
    return psp_mV * c / peak


def full_indegree(target: int, source: int) -> float:
    """Mean in-degree at full scale: K = ln(1 - p) / ln(1 - 1 / (N_pre N_post)) synapses over N_post neurons."""
    p = PROBABILITIES[target][source]
    if p == 0:
        return 0.0
    return math.log(1 - p) / math.log(1 - 1 / (SIZES[source] * SIZES[target])) / SIZES[target]


def mean_weight_pA(target: int, source: int) -> float:
    """Mean synaptic weight at full scale."""
    weight = psc_amplitude_pA(PSP_MV)
    if POPULATIONS[source].endswith("I"):
        return INHIBITION * weight
    return weight * L4E_TO_L23E if (POPULATIONS[target], POPULATIONS[source]) == ("L23E", "L4E") else weight


def potjans_diesmann(name: str, circuit: PotjansDiesmann, dt_ms: float) -> Parts:
    """Eight populations, their projections and background, downscaled as van Albada et al. (2015) describe."""
    parts = Parts()
    scope = "same_region" if circuit.regions is not None else None
    sizes = [max(1, round(size * circuit.scale)) for size in SIZES]
    weight_scale = 1.0 / math.sqrt(circuit.indegree_scale)
    for t, target in enumerate(POPULATIONS):
        parts.populations[target] = Population(
            model="iaf_psc_exp",
            size=sizes[t],
            regions=circuit.regions,
            parameters=dict(NEURON),
            initial={"V_m_mV": Normal(distribution="normal", mean=V0_MEAN_MV[t], sd=V0_SD_MV[t])},
        )
        for s, source in enumerate(POPULATIONS):
            total = round(full_indegree(t, s) * circuit.indegree_scale * sizes[t])
            if total > 0:
                parts.projections[f"{source}_{target}"] = _projection(
                    f"{name}.{source}", f"{name}.{target}", total, mean_weight_pA(t, s) * weight_scale, dt_ms, scope
                )
        _background(parts, name, t, circuit, weight_scale)
    return parts


def _projection(source: str, target: str, total: int, weight_pA: float, dt_ms: float, scope: str | None) -> Projection:
    sd = abs(weight_pA) * RELATIVE_WEIGHT_SD
    bound = {"low": 0.0} if weight_pA > 0 else {"high": 0.0}
    delay = DELAY_MS[source[-1]]
    return Projection(
        source=source,
        target=target,
        rule=FixedTotalNumber(kind="fixed_total_number", total=total),
        scope=scope,  # type: ignore[arg-type]
        weight_pA=TruncatedNormal(distribution="truncated_normal", mean=weight_pA, sd=sd, **bound),
        delay_ms=TruncatedNormal(
            distribution="truncated_normal", mean=delay, sd=delay * RELATIVE_DELAY_SD, low=dt_ms / 2
        ),
    )


def _background(parts: Parts, name: str, t: int, circuit: PotjansDiesmann, weight_scale: float) -> None:
    """Poisson background, or its mean as DC; plus the DC that restores the mean input of scaled in-degrees."""
    tau_s = NEURON["tau_syn_ex_ms"] * 1e-3
    external_pA = tau_s * psc_amplitude_pA(PSP_MV) * EXTERNAL_INDEGREES[t] * BACKGROUND_RATE_HZ
    recurrent_pA = tau_s * sum(
        full_indegree(t, s) * mean_weight_pA(t, s) * FULL_RATES_HZ[s] for s in range(len(POPULATIONS))
    )
    dc_pA = (1.0 - math.sqrt(circuit.indegree_scale)) * recurrent_pA
    target = f"{name}.{POPULATIONS[t]}"
    if circuit.drive == "poisson":
        dc_pA += (1.0 - math.sqrt(circuit.indegree_scale)) * external_pA
        parts.drives[f"background_{POPULATIONS[t]}"] = PoissonDrive(
            kind="poisson",
            target=target,
            rate_hz=EXTERNAL_INDEGREES[t] * circuit.indegree_scale * BACKGROUND_RATE_HZ,
            weight_pA=psc_amplitude_pA(PSP_MV) * weight_scale,
        )
    else:
        dc_pA += external_pA
    if abs(dc_pA) > 1e-9:
        parts.drives[f"dc_{POPULATIONS[t]}"] = DCDrive(kind="dc", target=target, amplitude=dc_pA)


class PotjansDiesmannCircuit(Circuit):
    """`potjans_diesmann`."""

    config = PotjansDiesmann

    def expand(self, name: str, item: PotjansDiesmann, dt_ms: float) -> Parts:
        """Return its parts."""
        return potjans_diesmann(name, item, dt_ms)
