"""STDP that dopamine turns into weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dtbsim.errors import InputError
from dtbsim.models.synapses.base import WEIGHT_MAX, ModulatedSynapse
from dtbsim.models.synapses.parts import MINUS, PLUS, TAU_MINUS, TAU_PLUS, time_constant
from dtbsim.models.synapses.tables import POPULATION, WEIGHT, Modulator, SynapseParameter


class STDPDopamine(ModulatedSynapse):
    """Pair-based plasticity that dopamine turns into weights (Izhikevich 2007; NEST's `stdp_dopamine_synapse`).

    Pairs of spikes change an eligibility trace c: a target's spike at trace k of the source c += A_plus k, a source's
    at trace k of the target c -= A_minus k. dc/dt = -c / tau_c, dn/dt = -n / tau_n, n += 1 / tau_n at every spike of
    the population `dopamine`, dw/dt = c (n - baseline); A is in the unit of the weight. So `baseline_per_ms` is the
    total rate of the dopamine population at which weights stay. Weights are bounded at every spike of the source and
    at every multiple of `update_interval_ms`.
    """

    name = "stdp_dopamine"
    citation = "Izhikevich 2007; Potjans, Morrison, Diesmann 2010"
    parameters = (
        SynapseParameter(
            "dopamine",
            POPULATION,
            None,
            "population whose spikes release dopamine (NAME, or CIRCUIT.POP of a circuit)",
        ),
        WEIGHT_MAX,
        SynapseParameter("weight_min", WEIGHT, 0.0, "weight of the smallest size, with the same sign"),
        SynapseParameter("A_plus", WEIGHT, 1.0, "eligibility that a pair source before target adds"),
        SynapseParameter("A_minus", WEIGHT, 1.5, "eligibility that a pair target before source takes away"),
        TAU_PLUS,
        TAU_MINUS,
        time_constant("tau_c_ms", 1000.0, "time constant of the eligibility trace"),
        time_constant("tau_n_ms", 200.0, "time constant of dopamine (NEST: tau_n)"),
        SynapseParameter("baseline_per_ms", "1/ms", 0.0, "dopamine that changes nothing (NEST: b)", low=0),
        SynapseParameter(
            "update_interval_ms",
            "ms",
            100.0,
            "weights also change while nobody spikes: at multiples of this time",
            low=0,
            open_low=True,
            on_grid=True,
        ),
    )
    traces = (PLUS, MINUS)
    modulator = Modulator("dopamine", "tau_n_ms", "baseline_per_ms", "tau_c_ms", "update_interval_ms")

    def check_together(self, p: Mapping[str, Any]) -> None:
        """Refuse updates that are rarer than eligibility lasts."""
        interval_ms, tau_c_ms = p["update_interval_ms"], p["tau_c_ms"]
        if interval_ms > tau_c_ms:
            raise InputError(f"update_interval_ms ({interval_ms:g}) must be at most tau_c_ms ({tau_c_ms:g})")

    @staticmethod
    def on_target_spike(pre: Any, A_plus: Any) -> Any:
        """Return the change of the eligibility."""
        return A_plus * pre

    @staticmethod
    def on_source_spike(post: Any, A_minus: Any) -> Any:
        """Return the change of the eligibility."""
        return -(A_minus * post)
