"""What the current-based leaky integrate-and-fire models share: membrane parameters, states and constants."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.base import Constants, Values
from dtbsim.models.integration import refractory_steps
from dtbsim.models.tables import Derived, Parameter, State

EXACT = (
    "exact integration (Rotter and Diesmann 1999): V is advanced with the currents at the start of the step; spikes "
    "that arrive at the end of the step are added to the decayed currents; a neuron with V >= V_th at the end of a "
    "step spikes there, is set to V_reset, and V stays there for ceil(t_ref / dt) steps while the currents go on; "
    "V - E_L and currents below 1e-15 are set to 0, because decaying float32 numbers would stay subnormal for ever, "
    "which is slow"
)
MEMBRANE_EQUATIONS = "dV/dt = -(V - E_L) / tau_m + (sum of synaptic currents + I_e + I_stim) / C_m\n"

MEMBRANE = (
    Parameter("C_m_pF", "pF", 250.0, "membrane capacitance", low=0.0, open_low=True),
    Parameter("tau_m_ms", "ms", 10.0, "membrane time constant", low=0.0, open_low=True),
    Parameter("E_L_mV", "mV", -70.0, "resting potential"),
    Parameter("V_th_mV", "mV", -55.0, "threshold"),
    Parameter("V_reset_mV", "mV", -70.0, "potential after a spike and during refractoriness"),
    Parameter("t_ref_ms", "ms", 2.0, "refractory period, rounded up to whole steps", low=0.0),
    Parameter("I_e_pA", "pA", 0.0, "constant input current"),
)
"""Defaults are those of NEST 3.10."""

POTENTIAL = State("V_m_mV", "mV", "membrane potential (kept relative to E_L_mV)", default="E_L_mV", offset="E_L_mV")
REFRACTORY = State("refractory", "steps", "steps left in the refractory period", dtype="i32")

MEMBRANE_CONSTANTS = (
    Derived("P22", "1", "decay of the potential over one step"),
    Derived("P20", "mV/pA", "constant current to potential"),
    Derived("theta_mV", "mV", "V_th - E_L"),
    Derived("reset_mV", "mV", "V_reset - E_L"),
    Derived("refractory_steps", "steps", "t_ref in steps", dtype="i32"),
)

_PORT = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def check_port_names(ports: Iterable[str]) -> None:
    """Raise InputError for names of ports that cannot be part of a name in an update function."""
    for port in ports:
        if not _PORT.fullmatch(port):
            raise InputError(
                f"the receptor name '{port}' cannot be used", remedy="begin with a letter, then letters, digits and _"
            )


def derive_membrane(p: Values, dt_ms: float) -> Constants:
    """Return the constants of `MEMBRANE_CONSTANTS`."""
    tau_m = p["tau_m_ms"]
    return {
        "P22": np.exp(-dt_ms / tau_m),
        "P20": -np.expm1(-dt_ms / tau_m) * tau_m / p["C_m_pF"],
        "theta_mV": p["V_th_mV"] - p["E_L_mV"],
        "reset_mV": p["V_reset_mV"] - p["E_L_mV"],
        "refractory_steps": refractory_steps(p["t_ref_ms"], dt_ms),
    }


def shared_initial(given: Values, sums: Mapping[str, tuple[str, str]]) -> Values:
    """Return initial states in which the states of two ports are replaced by their sum, {sum: (ex, in)}."""
    parts = {name for pair in sums.values() for name in pair}
    own = {name: value for name, value in given.items() if name not in parts}
    for name, pair in sums.items():
        if not parts.isdisjoint(given):
            own[name] = sum((np.asarray(given.get(part, 0.0), np.float64) for part in pair), np.zeros(()))
    return own


def check_membrane(p: Values) -> None:
    """Raise InputError where the reset is not below the threshold (the neuron would fire for ever)."""
    reset, threshold = np.broadcast_arrays(np.atleast_1d(p["V_reset_mV"]), np.atleast_1d(p["V_th_mV"]))
    bad = reset >= threshold
    if bad.any():
        raise InputError(
            f"V_reset_mV is {reset[bad][0]:g} mV with V_th_mV {threshold[bad][0]:g} mV; allowed: V_reset_mV < V_th_mV"
        )
