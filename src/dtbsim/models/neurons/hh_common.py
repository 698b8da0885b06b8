"""What the Hodgkin-Huxley neurons share: the substep of the potential, spike detection, gates at rest, checks."""

from __future__ import annotations

from typing import Any

from dtbsim.models.base import Constants, Values
from dtbsim.models.integration import refractory_steps
from dtbsim.models.neurons.ode_common import PADE, relaxed
from dtbsim.models.tables import Derived, Parameter, State

SUBSTEPS = 8
LARGEST_DT_MS = 0.2
"""Substeps of 0.025 ms delay every spike by about 0.01 ms, a quarter of that at 0.1 ms (second order)."""

SCHEME = (
    f"{SUBSTEPS} substeps of a symmetric exponential scheme, second order (Rush, Larsen 1978, with gates and potential "
    "alternating): half a substep of the gates with V fixed, one of V with the gates fixed, half of the gates; each is "
    f"a linear equation, solved {PADE}. The rate functions are x / (1 - exp(-x)) by its series where |x| < 0.2. "
)
DETECTION = (
    "A spike is where V passed its maximum: V at or above the threshold at the end of a step and lower than at its "
    "start, t_ref after the last one at the earliest; V is not reset. Needs dt <= 0.2 ms"
)


def voltage(
    V: float,
    m: float,
    h: float,
    n: float,
    drive: float,
    sodium: float,
    potassium: float,
    leak: float,
    E_Na: float,
    E_K: float,
) -> float:
    """V after one substep with the gates fixed; sodium, potassium, leak are conductances times substep / C_m."""
    open_na = sodium * m * m * m * h
    open_k = potassium * n * n * n * n
    return relaxed(V, open_na + open_k + leak, open_na * E_Na + open_k * E_K + drive)


def substeps_text(constants: str) -> str:
    """Return the lines that advance v, m, h, n by one step; `constants` are the last arguments of `voltage`."""
    potential = f"v = voltage(v, m, h, n, drive, {constants})"

    def gates(time: str) -> list[str]:
        return [f"{gate} = {gate}_gate({gate}, v, {time})" for gate in "mhn"]

    lines = gates("half_ms")
    for _ in range(SUBSTEPS - 1):
        lines += [potential, *gates("substep_ms")]
    return "\n    ".join([*lines, potential, *gates("half_ms")])


GATES = (
    State("Act_m", "1", "activation of the sodium channel", starts_at="equilibrium at V_m_mV"),
    State("Inact_h", "1", "inactivation of the sodium channel", starts_at="equilibrium at V_m_mV"),
    State("Act_n", "1", "activation of the potassium channel", starts_at="equilibrium at V_m_mV"),
)
REFRACTORY = State("refractory", "steps", "steps left in which no spike is detected", dtype="i32")
CONSTANTS = (
    Derived("substep_ms", "ms", "length of a substep"),
    Derived("half_ms", "ms", "half of it"),
    Derived("sodium", "1", "g_Na substep / C_m"),
    Derived("potassium", "1", "g_K substep / C_m"),
    Derived("leak", "1", "g_L substep / C_m"),
    Derived("per_pA", "mV/pA", "substep / C_m"),
    Derived("refractory_steps", "steps", "t_ref in steps", dtype="i32"),
)


def channels(C_m: float, g_Na: float, g_K: float, g_L: float, E_K: float, E_L: float) -> tuple[Parameter, ...]:
    """Rows of the membrane with the defaults of NEST 3.10."""
    return (
        Parameter("C_m_pF", "pF", C_m, "membrane capacitance", low=0.0, open_low=True),
        Parameter("g_Na_nS", "nS", g_Na, "peak sodium conductance", low=0.0),
        Parameter("g_K_nS", "nS", g_K, "peak potassium conductance", low=0.0),
        Parameter("g_L_nS", "nS", g_L, "leak conductance", low=0.0),
        Parameter("E_Na_mV", "mV", 50.0, "sodium reversal potential"),
        Parameter("E_K_mV", "mV", E_K, "potassium reversal potential"),
        Parameter("E_L_mV", "mV", E_L, "leak reversal potential"),
        Parameter("t_ref_ms", "ms", 2.0, "time after a spike in which no other is detected", low=0.0),
        Parameter("I_e_pA", "pA", 0.0, "constant input current"),
    )


def derive_channels(p: Values, dt_ms: float) -> Constants:
    """Return the values of `CONSTANTS`."""
    substep = dt_ms / SUBSTEPS
    per_pA = substep / p["C_m_pF"]
    return {
        "substep_ms": substep,
        "half_ms": 0.5 * substep,
        "sodium": p["g_Na_nS"] * per_pA,
        "potassium": p["g_K_nS"] * per_pA,
        "leak": p["g_L_nS"] * per_pA,
        "per_pA": per_pA,
        "refractory_steps": refractory_steps(p["t_ref_ms"], dt_ms),
    }


def equilibrium(rates: dict[str, tuple[Any, Any]]) -> Constants:
    """Return alpha / (alpha + beta) of every gate, by the name of its state."""
    return {name: alpha / (alpha + beta) for name, (alpha, beta) in rates.items()}
