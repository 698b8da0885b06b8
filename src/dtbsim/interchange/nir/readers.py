"""How programs read NIR, and the numbers that make a reader step neurons as dtbsim does.

NIR has no time step. Norse 1.1.0 and snnTorch 1.0.0 advance tau dv/dt = v_leak - v + r x by forward Euler, where dtbsim
decays exactly; so the time constant that is written is tau' = dt / (1 - exp(-dt / tau)), with which Euler's factor
1 - dt / tau' is the exact decay. Both spike where v > v_threshold, dtbsim where V >= V_th: the threshold written is the
next smaller float32. Norse takes r as 1 in LIF, snnTorch needs r = tau' / dt to leave inputs as they are. Both reset to
0, so potentials are written relative to E_L.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError, did_you_mean
from dtbsim.interchange.nir.files import Node

F64 = NDArray[np.float64]
SNNTORCH_DT_S = 1e-4


@dataclass(frozen=True)
class Reader:
    """A program that reads NIR: whether it steps, with which step (None: any), and whether it takes recurrence."""

    name: str
    steps: bool
    dt_s: float | None
    recurrent: bool
    rule: str


READERS = {
    "norse": Reader(
        "norse", True, None, True,
        "forward Euler with dt_s: tau = dt / (1 - exp(-dt / tau_m)), r = 1, weights times tau / dt; v > v_threshold",
    ),
    "snntorch": Reader(
        "snntorch", True, SNNTORCH_DT_S, False,
        "forward Euler with 1e-4 s: tau = dt / (1 - exp(-dt / tau_m)), r = tau / dt; v > v_threshold",
    ),
    "spec": Reader(
        "spec", False, None, True,
        "the equations of NIR: true time constants in s, potentials in mV, a spike is an impulse of area 1",
    ),
}  # fmt: skip


def reader_of(name: str | None) -> Reader:
    """Return a reader by name; InputError where there is none, or none is given."""
    if name is None:
        raise InputError("programs read NIR differently", where="--reader", remedy=f"choose: {', '.join(READERS)}")
    if name not in READERS:
        raise InputError(f"no reader '{name}'", where="--reader", remedy=did_you_mean(name, READERS))
    return READERS[name]


@dataclass(frozen=True, eq=False)
class Layer:
    """Neurons of a network as one layer, float64[n] each: constants of dtbsim's step and what they come from.

    `P11` and `P21` are those of the synaptic current, None for neurons whose potential jumps.
    """

    tau_m_ms: F64
    tau_syn_ms: F64 | None
    C_m_pF: F64
    E_L_mV: F64
    V_th_mV: F64
    V_reset_mV: F64
    I_e_pA: F64
    P22: F64
    P20: F64
    P11: F64 | None
    P21: F64 | None

    @property
    def n(self) -> int:
        """Number of neurons."""
        return int(self.tau_m_ms.size)


@dataclass(frozen=True, eq=False)
class Written:
    """A layer as a node, and what weights (mV or pA), a constant input, and currents (pA) are multiplied with."""

    node: Node
    per_weight: F64
    per_current: F64
    bias: F64


def as_node(layer: Layer, reader: Reader, dt_ms: float) -> Written:
    """Return a layer as this reader must find it."""
    if not reader.steps:
        return _equations(layer)
    dt_s = reader.dt_s or dt_ms * 1e-3
    tau = dt_s / (1.0 - layer.P22)
    zeros = np.zeros(layer.n)
    threshold = np.nextafter((layer.V_th_mV - layer.E_L_mV).astype(np.float32), np.float32(-np.inf)).astype(np.float64)
    shared = {"v_leak": zeros, "v_threshold": threshold, "v_reset": zeros}
    if layer.P11 is not None and layer.P21 is not None:
        tau_syn = dt_s / (1.0 - layer.P11)
        values = {"tau_mem": tau, "tau_syn": tau_syn, "r": tau / dt_s, "w_in": tau_syn / dt_s, **shared}
        return Written(Node("CubaLIF", values), layer.P21, zeros, zeros)
    scale = tau / dt_s if reader.name == "norse" else np.ones(layer.n)
    r = np.ones(layer.n) if reader.name == "norse" else tau / dt_s
    node = Node("LIF", {"tau": tau, "r": r, **shared})
    return Written(node, scale, scale * layer.P20, scale * layer.P20 * layer.I_e_pA)


def _equations(layer: Layer) -> Written:
    """The layer by the equations of NIR, where the input of a spike is an impulse of area 1 (s)."""
    tau, resistance = layer.tau_m_ms * 1e-3, layer.tau_m_ms / layer.C_m_pF
    shared = {
        "v_leak": layer.E_L_mV + layer.I_e_pA * resistance,
        "v_threshold": layer.V_th_mV,
        "v_reset": layer.V_reset_mV,
    }
    zeros = np.zeros(layer.n)
    if layer.tau_syn_ms is not None:
        tau_syn = layer.tau_syn_ms * 1e-3
        values = {"tau_mem": tau, "tau_syn": tau_syn, "r": resistance, "w_in": tau_syn, **shared}
        return Written(Node("CubaLIF", values), np.ones(layer.n), zeros, zeros)
    return Written(Node("LIF", {"tau": tau, "r": np.ones(layer.n), **shared}), tau, resistance, zeros)
