"""Layers of NIR as neurons of dtbsim: parameters, and what weights onto them are multiplied with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.interchange.nir.files import Graph
from dtbsim.models.integration import propagator_exp

F64 = NDArray[np.float64]
_NEEDED = {
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "CubaLIF": ("tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
}
_C_M_PF = 250.0
LARGEST = 1e30
"""Of what a file may say: products stay within float32."""


@dataclass(frozen=True, eq=False)
class Neurons:
    """A layer: model, parameters (float64[n] each), and the factor of weights, float64[n]."""

    model: str
    parameters: dict[str, F64]
    per_weight: F64

    @property
    def n(self) -> int:
        """Number of neurons."""
        return int(self.per_weight.size)

    def before(self, steps: int, dt_ms: float) -> F64:
        """Potentials so many steps before the file begins, with which its constant input brings them to E_L then."""
        p = self.parameters
        decay = np.exp(-steps * dt_ms / p["tau_m_ms"])
        return np.asarray(p["E_L_mV"] - (1.0 - decay) / decay * p["I_e_pA"] * p["tau_m_ms"] / p["C_m_pF"], np.float64)


def neurons_of(name: str, graph: Graph, bias: F64 | None, where: str) -> Neurons:
    """Return the neurons of a layer.

    Time constants are read as a reader with forward Euler does, whose decay in a step, 1 - dt / tau, is
    exp(-dt / tau_m); those of a file by the equations as they are.
    """
    node, metadata = graph.nodes[name], graph.metadata
    values = _complete(name, node.kind, node.values, where)
    euler = metadata.get("reader") != "spec"
    dt_s = float(metadata.get("dt_s", 1e-4))
    dt_ms = float(metadata.get("dt_ms", dt_s * 1e3))
    own = "dtbsim" in metadata and metadata.get("C_m_pF", np.zeros(0)).shape == values["r"].shape
    C_m = metadata["C_m_pF"] if own else np.full(values["r"].shape, _C_M_PF)
    tau_name = "tau" if node.kind == "LIF" else "tau_mem"
    tau_m = _time_constant(values[tau_name], dt_s, dt_ms, euler, f"{where}: {name}.{tau_name}")
    E_L = metadata["E_L_mV"] if own else values["v_leak"]
    shift = E_L if own and euler else np.zeros(tau_m.size)
    threshold = values["v_threshold"]
    if euler:  # readers spike above it, dtbsim at it
        threshold = np.nextafter(threshold.astype(np.float32), np.float32(np.inf)).astype(np.float64)
    parameters = {
        "C_m_pF": C_m,
        "tau_m_ms": tau_m,
        "E_L_mV": E_L,
        "V_th_mV": threshold + shift,
        "V_reset_mV": values["v_reset"] + shift,
        "t_ref_ms": np.zeros(tau_m.size),
        "I_e_pA": metadata["I_e_pA"] if own else np.zeros(tau_m.size),
    }
    gain = values["r"] * (dt_s / values[tau_name] if euler else 1.0 / values[tau_name])
    if node.kind == "LIF":
        if bias is not None and not own:
            parameters["I_e_pA"] = gain * bias / (-np.expm1(-dt_ms / tau_m) * tau_m / C_m)
        return Neurons("iaf_psc_delta", parameters, gain)
    if bias is not None and bias.any():
        raise InputError("a constant input of a CubaLIF layer cannot be simulated", where=f"{where}: {name}")
    tau_syn = _time_constant(values["tau_syn"], dt_s, dt_ms, euler, f"{where}: {name}.tau_syn")
    parameters |= {"tau_syn_ex_ms": tau_syn, "tau_syn_in_ms": tau_syn}
    if euler:
        P21 = np.asarray(propagator_exp(tau_syn, tau_m, C_m, dt_ms))
        return Neurons("iaf_psc_exp", parameters, values["w_in"] * (dt_s / values["tau_syn"]) * gain / P21)
    parameters["C_m_pF"] = tau_m / values["r"]
    return Neurons("iaf_psc_exp", parameters, values["w_in"] / values["tau_syn"])


def _complete(name: str, kind: str, given: dict[str, Any], where: str) -> dict[str, F64]:
    """The values of a layer, float64[n] each; resets are 0 and w_in 1 where they are not given."""
    size = max((np.size(value) for value in given.values()), default=0)
    defaults = {"v_reset": 0.0, "w_in": 1.0}
    found: dict[str, F64] = {}
    for key in _NEEDED[kind]:
        value = given.get(key, defaults.get(key))
        if value is None:
            raise InputError(f"the {kind} layer '{name}' has no {key}", where=where)
        array = np.ravel(np.asarray(value))
        if array.dtype.kind not in "biuf":
            raise InputError(f"{key} of '{name}' is no number", where=where)
        array = array.astype(np.float64)
        if array.size not in (1, size) or not (np.abs(array) < LARGEST).all():
            raise InputError(
                f"{key} of '{name}' is not a number below {LARGEST:g} for each of {size} neurons", where=where
            )
        found[key] = np.broadcast_to(array, size).copy()
    return found


def _time_constant(tau_s: F64, dt_s: float, dt_ms: float, euler: bool, where: str) -> F64:
    """ms; 13 digits, so that what was exact before it was written is so again."""
    if (tau_s <= 0).any() or (euler and (tau_s <= dt_s).any()):
        raise InputError(
            f"a time constant is {float(tau_s.min()):g} s; it must be above {dt_s if euler else 0:g} s", where=where
        )
    exact = -dt_ms / np.log1p(-dt_s / tau_s) if euler else tau_s * 1e3
    return np.array([float(f"{value:.13g}") for value in exact])
