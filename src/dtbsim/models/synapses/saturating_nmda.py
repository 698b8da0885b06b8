"""NMDA gating that saturates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dtbsim.errors import InputError
from dtbsim.models.synapses.base import SourceSynapse, Values
from dtbsim.models.synapses.parts import time_constant
from dtbsim.models.synapses.tables import Decay, SourceState, SynapseParameter


class SaturatingNMDA(SourceSynapse):
    """Saturating NMDA gating of the source neuron (Wang 2002, in the form of NEST's `iaf_bw_2001`).

    ds/dt = -s / tau_decay + alpha x (1 - s), where x jumps by 1 at a spike and decays with tau_rise: a spike raises s
    by k0 + (exp(-alpha tau_rise) - 1) s and transmits weight times that. The port must decay with `tau_decay_ms`.
    """

    name = "saturating_nmda"
    citation = "Wang 2002"
    parameters = (
        SynapseParameter("alpha_per_ms", "1/ms", 0.5, "rate of opening", low=0, open_low=True),
        time_constant("tau_rise_ms", 2.0, "rise time constant"),
        time_constant("tau_decay_ms", 100.0, "decay time constant"),
    )
    derived = ("k0", "k1")
    states = (SourceState("s", "gating just after the previous spike"),)
    decays = (Decay("decay", "tau_decay_ms"),)

    def check_together(self, p: Mapping[str, Any]) -> None:
        """Refuse a rise that is slower than the decay."""
        rise_ms, decay_ms = p["tau_rise_ms"], p["tau_decay_ms"]
        if not rise_ms < decay_ms:
            raise InputError(f"tau_rise_ms ({rise_ms:g}) must be below tau_decay_ms ({decay_ms:g})")

    def derive(self, p: Values, weight_unit: float) -> dict[str, float]:
        """Return the jump at a spike."""
        k0, k1 = saturating_jump(p["alpha_per_ms"], p["tau_rise_ms"], p["tau_decay_ms"])
        return {"k0": k0, "k1": k1}

    @staticmethod
    def on_source_spike(s: Any, decay: Any, k0: Any, k1: Any) -> tuple[Any, Any]:
        """Return the new states and the share that is transmitted."""
        s = s * decay
        jump = k0 + k1 * s
        return s + jump, jump


def saturating_jump(alpha_per_ms: float, tau_rise_ms: float, tau_decay_ms: float) -> tuple[float, float]:
    """(k0, k1): a spike at gating s raises it by k0 + k1 s, once the rise is over (exact for tau_rise << tau_decay).

    ds/dt = -s / tau_decay + alpha exp(-t / tau_rise) (1 - s), extrapolated back to t = 0 with exp(t / tau_decay).
    """
    from scipy.special import gamma, gammainc

    a = alpha_per_ms * tau_rise_ms
    ratio = tau_rise_ms / tau_decay_ms
    return float(a**ratio * gamma(1.0 - ratio) * gammainc(1.0 - ratio, a)), math.expm1(-a)
