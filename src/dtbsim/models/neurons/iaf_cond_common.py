"""What the conductance-based leaky integrate-and-fire models share: tables, constants and the step of the membrane."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.models.base import Constants, Values
from dtbsim.models.integration import refractory_steps
from dtbsim.models.language.elementary import exp
from dtbsim.models.tables import Derived, Parameter, Receptor

SCHEME = (
    "conductances exactly; V by the fourth-order Magnus method (Blanes et al. 2009, "
    "doi:10.1016/j.physrep.2008.11.001): with the mean conductances of the step and their first moments about its "
    "middle, V relaxes exponentially towards one target. It is stable for every dt. Below threshold its error is under "
    "5e-5 mV at dt = 0.1 ms and 0.05 mV at dt = 1 ms for tau_syn >= 0.2 ms and input of tens of mV; spikes come at the "
    "steps of NEST (adaptive Runge-Kutta, 1e-3 mV per step) or next to them. Spikes that arrive at the end of the step "
    "are added to the conductances; a neuron with V >= V_th at the end of a step spikes there, and V is V_reset for "
    "ceil(t_ref / dt) steps while the conductances go on; V - E_L and conductances below 1e-15 are set to 0"
)
EQUATIONS = "C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I_e + I_stim\n"

PARAMETERS = (
    Parameter("C_m_pF", "pF", 250.0, "membrane capacitance", low=0.0, open_low=True),
    Parameter("g_L_nS", "nS", 16.6667, "leak conductance", low=0.0, open_low=True),
    Parameter("E_L_mV", "mV", -70.0, "resting potential"),
    Parameter("E_ex_mV", "mV", 0.0, "excitatory reversal potential"),
    Parameter("E_in_mV", "mV", -85.0, "inhibitory reversal potential"),
    Parameter("V_th_mV", "mV", -55.0, "threshold"),
    Parameter("V_reset_mV", "mV", -60.0, "potential after a spike and during refractoriness"),
    Parameter("t_ref_ms", "ms", 2.0, "refractory period, rounded up to whole steps", low=0.0),
    Parameter("tau_syn_ex_ms", "ms", 0.2, "time constant of the excitatory conductance", low=0.0, open_low=True),
    Parameter("tau_syn_in_ms", "ms", 2.0, "time constant of the inhibitory conductance", low=0.0, open_low=True),
    Parameter("I_e_pA", "pA", 0.0, "constant input current"),
)
"""Defaults are those of NEST 3.10."""

MEMBRANE_CONSTANTS = (
    Derived("ex_mV", "mV", "E_ex - E_L"),
    Derived("in_mV", "mV", "E_in - E_L"),
    Derived("theta_mV", "mV", "V_th - E_L"),
    Derived("reset_mV", "mV", "V_reset - E_L"),
    Derived("dt_per_C", "1/nS", "dt / C_m"),
    Derived("refractory_steps", "steps", "t_ref in steps", dtype="i32"),
)
PORTS = {"ex": "excitatory", "in": "inhibitory"}


def receptors(shape: str) -> tuple[Receptor, ...]:
    """Return both ports; `shape` says what a weight is."""
    return (
        Receptor("ex", "nS", f"{shape} of the excitatory conductance; not below 0", 0, takes="positive"),
        Receptor(
            "in", "nS", f"{shape} of the inhibitory conductance; may be given below 0 as in NEST, its size counts", 1,
            takes="size",
        ),
    )  # fmt: skip


def derive_membrane(p: Values, dt_ms: float) -> Constants:
    """Return the constants of `MEMBRANE_CONSTANTS`."""
    return {
        "ex_mV": p["E_ex_mV"] - p["E_L_mV"],
        "in_mV": p["E_in_mV"] - p["E_L_mV"],
        "theta_mV": p["V_th_mV"] - p["E_L_mV"],
        "reset_mV": p["V_reset_mV"] - p["E_L_mV"],
        "dt_per_C": dt_ms / p["C_m_pF"],
        "refractory_steps": refractory_steps(p["t_ref_ms"], dt_ms),
    }


def moments(tau_ms: Any, dt_ms: float) -> tuple[Any, Any, Any]:
    """Return int t^k exp(-t/tau) dt / dt_ms over one step for k = 0, 1, 2 (1, ms, ms^2), float64.

    Incomplete gamma functions by their series where t/tau is small, because the closed forms cancel there.
    """
    tau = np.asarray(tau_ms, dtype=np.float64)
    x = dt_ms / tau
    small = x < 1.0
    near, far = np.where(small, x, 0.5), np.where(small, 1.0, x)
    decay = np.exp(-far)
    closed = (
        (1.0 - decay) / far,
        (1.0 - (1.0 + far) * decay) / far**2,
        (2.0 - (2.0 + 2.0 * far + far**2) * decay) / far**3,
    )
    found = []
    for k in range(3):
        series, term = np.zeros_like(near), np.ones_like(near)
        for n in range(22):
            series = series + term / (n + k + 1)
            term = term * -near / (n + 1)
        value = dt_ms**k * np.where(small, series, closed[k])
        found.append(float(value) if value.ndim == 0 else value)
    return found[0], found[1], found[2]


def relaxed(
    v: float,
    g_ex: float,
    g_in: float,
    d_ex: float,
    d_in: float,
    current: float,
    g_L: float,
    E_ex: float,
    E_in: float,
    dt_per_C: float,
) -> Any:
    """Potential relative to E_L (mV) after one step with mean conductances g_x (nS).

    d_x is the first moment of conductance x about the middle of the step, over C_m: (1/dt) int g (t - dt/2) dt / C_m.
    The terms with it are the commutator of the Magnus expansion, int int_{s<t} (a(s) b(t) - a(t) b(s)) / 2 for
    dV/dt = b - a V, with conductances linear in time.
    """
    total = g_L + g_ex + g_in
    drive = g_ex * E_ex + g_in * E_in + current
    drive = drive + (g_L * E_ex - current) * d_ex + (g_L * E_in - current) * d_in
    drive = drive + (E_in - E_ex) * (g_ex * d_in - g_in * d_ex)
    target = drive / total
    return target + (v - target) * exp(-total * dt_per_C)
