"""Leaky integrate-and-fire neurons of the configuration as linear maps over one step, from which chips are filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.chips.conversion.given import Cells, Refusals
from dtbsim.models.integration import propagator_exp, refractory_steps

F64 = NDArray[np.float64]
CURRENTS = "iaf_psc_exp"
JUMPS = "iaf_psc_delta"


@dataclass(frozen=True, eq=False)
class Membrane:
    """A population over one step of dt; float64[n] each, potentials in mV relative to E_L.

    v(next) = keep v + sum over ports of gain i, i(next) = keep_i i + what arrived; a spike where v reaches theta.

    Attributes:
        keep: exp(-dt / tau_m).
        theta, reset: threshold and reset.
        refractory: steps in which v is held after a spike.
        constant: what currents that never change add to v in a step.
        start: v at the beginning.
        keep_current: exp(-dt / tau_syn) by port; 0 where arrivals act at once.
        gain: mV for a unit of weight, in the first step in which it acts, by port.
        start_current: what is left of arrivals at the beginning, by port, in units of weight.
        late: 1 where arrivals act on v in the next step only, as those of NEST's currents do; else 0.
    """

    keep: F64
    theta: F64
    reset: F64
    refractory: F64
    constant: F64
    start: F64
    keep_current: dict[str, F64]
    gain: dict[str, F64]
    start_current: dict[str, F64]
    late: int


def membrane_of(cells: Cells, dt_ms: float, wrong: Refusals, models: tuple[str, ...]) -> Membrane | None:
    """Return the map of a population of one of `models`; None, with a line in `wrong`, for other models."""
    name = cells.model.name
    if name not in models:
        why = "; a current that rises needs two states" if name == "iaf_psc_alpha" else ""
        wrong.add(
            f"{cells.key_path}.model",
            f"population '{cells.name}' is of model '{name}', which the chip cannot say{why}",
            f"use {' or '.join(models)}, or the model of the chip itself",
        )  # fmt: skip
        return None
    p, tau_m = cells.p, cells.p["tau_m_ms"]
    unit = -np.expm1(-dt_ms / tau_m) * tau_m / p["C_m_pF"]
    jumps = name == JUMPS
    ports = ("syn",) if jumps else ("ex", "in")
    zero, one = np.zeros(cells.size), np.ones(cells.size)
    taus = {port: None if jumps else p[f"tau_syn_{port}_ms"] for port in ports}
    return Membrane(
        keep=np.exp(-dt_ms / tau_m),
        theta=p["V_th_mV"] - p["E_L_mV"],
        reset=p["V_reset_mV"] - p["E_L_mV"],
        refractory=np.asarray(refractory_steps(p["t_ref_ms"], dt_ms), np.float64),
        constant=(p["I_e_pA"] + cells.current) * unit,
        start=cells.initial["V_m_mV"] - p["E_L_mV"],
        keep_current={port: zero if tau is None else np.exp(-dt_ms / tau) for port, tau in taus.items()},
        gain={
            port: one if tau is None else np.asarray(propagator_exp(tau, tau_m, p["C_m_pF"], dt_ms))
            for port, tau in taus.items()
        },
        start_current={port: zero if jumps else cells.initial[f"I_syn_{port}_pA"] for port in ports},
        late=0 if jumps else 1,
    )
