"""Neurons and their mean fields in one run: QIF and Montbrio-Pazo-Roxin, AdEx and di Volo, LIF and Siegert."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfcx

import dtbsim

pytestmark = pytest.mark.nightly


def run(folder: Path, **config: Any) -> Any:
    return dtbsim.run(dtbsim.RunConfig.model_validate(config), out=folder / "run", report=False).open()


def rate_hz(found: Any, population: str, after_ms: float) -> float:
    """Mean rate of a population of neurons from a time on."""
    rates = found.rates().sel(time_ms=slice(after_ms, None)).mean("time_ms")
    return float(rates[[str(name) == population for name in rates["population"].values]][0])


def test_qif_neurons_and_montbrio_pazo_roxin(tmp_path: Path) -> None:
    """J = 15, Delta = 1, eta = -5: two stable states, r tau = 0.08113 and 1.03058 in closed form."""
    n, tau_ms, J, Delta, eta = 3000, 10.0, 15.0, 1.0, -5.0
    spread = np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))
    order = np.random.default_rng(2).permutation(n)
    excitability = (eta + Delta * spread).tolist()
    states = {"low": (0.08113, -1.96), "high": (1.03058, -0.154)}
    neurons = {
        name: {
            "model": "qif", "size": n,
            "parameters": {"tau_m_ms": tau_ms, "eta": excitability, "t_ref_ms": 2 * tau_ms / 100},
            "initial": {"V_m": np.clip(V + np.pi * r * spread[order], -99.0, 99.0).tolist()},
        }
        for name, (r, V) in states.items()
    }  # fmt: skip
    fields = {
        f"{name}_field": {
            "model": "montbrio_pazo_roxin",
            "parameters": {"tau_ms": tau_ms, "J": J, "Delta": Delta, "eta": eta},
            "initial": {"r": r / tau_ms, "V": V},
        }
        for name, (r, V) in states.items()
    }
    found = run(
        tmp_path,
        simulation={"dt_ms": 0.1, "duration_ms": 1500.0},
        populations=neurons | fields,
        projections={
            name: {"source": name, "target": name, "rule": {"kind": "all_to_all"}, "weight": J / n, "delay_ms": 0.1}
            for name in states
        },
        record={
            "rate_bin_ms": 10.0,
            "states": [{"population": name, "variables": ["r_Hz"], "interval_ms": 10.0} for name in fields],
        },
    )
    for k, (name, tolerance) in enumerate((("low", 0.1), ("high", 0.03))):
        field = float(found.states(k)["r_Hz"].values[-50:].mean())
        assert field * tau_ms * 1e-3 == pytest.approx(states[name][0], rel=1e-3)
        assert rate_hz(found, name, 500.0) == pytest.approx(field, rel=tolerance), name


def test_adex_neurons_and_di_volo(tmp_path: Path) -> None:
    """8000 regular-spiking and 2000 fast-spiking cells, connected with 5 %, 400 inputs from outside at 2.5 Hz each."""
    cell = {
        "C_m_pF": 200.0, "g_L_nS": 10.0, "E_L_mV": -65.0, "V_th_mV": -50.0, "V_reset_mV": -65.0, "V_peak_mV": -40.0,
        "t_ref_ms": 5.0, "E_ex_mV": 0.0, "E_in_mV": -80.0, "tau_syn_ex_ms": 5.0, "tau_syn_in_ms": 5.0,
    }  # fmt: skip
    kinds = {
        "E": {"Delta_T_mV": 2.0, "a_nS": 4.0, "b_pA": 20.0, "tau_w_ms": 500.0},
        "I": {"Delta_T_mV": 0.5, "a_nS": 0.0, "b_pA": 0.0, "tau_w_ms": 500.0},
    }
    sizes = {"E": 8000, "I": 2000}
    found = run(
        tmp_path,
        simulation={"dt_ms": 0.1, "duration_ms": 4000.0},
        populations={
            name: {"model": "aeif_cond_exp", "size": sizes[name], "parameters": cell | more,
                   "initial": {"V_m_mV": {"distribution": "uniform", "low": -65.0, "high": -52.0}}}
            for name, more in kinds.items()
        }
        | {"field": {"model": "di_volo_2019"}, "second": {"model": "di_volo_2019_second_order"}},
        projections={
            source: {
                "source": source, "target": ["E", "I"], "rule": {"kind": "pairwise_bernoulli", "probability": 0.05},
                "weight_nS": 1.5 if source == "E" else 5.0, "receptor": "ex" if source == "E" else "in",
                "delay_ms": 0.1,
            }
            for source in sizes
        },
        drives={
            "outside": {"kind": "poisson", "target": ["E", "I"], "rate_hz": 1000.0, "weight_nS": 1.5, "receptor": "ex"}
        },
        record={
            "rate_bin_ms": 10.0, "spikes": None,
            "states": [{"population": name, "variables": ["r_E_Hz", "r_I_Hz"], "interval_ms": 10.0}
                       for name in ("field", "second")],
        },
    )  # fmt: skip
    spiking = np.array([rate_hz(found, name, 1500.0) for name in ("E", "I")])
    for k in (0, 1):
        states = found.states(k).isel(time_ms=slice(-100, None)).mean("time_ms")
        field = np.array([float(states[name].values.ravel()[0]) for name in ("r_E_Hz", "r_I_Hz")])
        assert field == pytest.approx(spiking, rel=0.1)


def siegert_hz(
    mu_mV: float, sigma_mV: float, tau_ms: float, theta_mV: float, reset_mV: float, t_ref_ms: float
) -> float:
    """Rate of a leaky neuron with white noise of mean `mu_mV` and spread `sigma_mV` sqrt(2) (Siegert 1951)."""
    low, high = ((v - mu_mV) / (math.sqrt(2.0) * sigma_mV) for v in (reset_mV, theta_mV))
    integral, _ = quad(lambda u: erfcx(-u), low, high)
    return 1e3 / (t_ref_ms + tau_ms * math.sqrt(math.pi) * integral)


def test_lif_neurons_and_siegert(tmp_path: Path) -> None:
    """tau 20 ms, threshold 20 mV, reset 10 mV, t_ref 2 ms, many small Poisson inputs: means of 10 to 25 mV."""
    tau_ms, jump_mV, means = 20.0, 0.1, (12.0, 16.0, 20.0, 25.0)
    parameters = {"tau_m_ms": tau_ms, "E_L_mV": 0.0, "V_th_mV": 20.0, "V_reset_mV": 10.0, "t_ref_ms": 2.0}
    spread_mV = 4.0
    drives = {}
    for k, mean in enumerate(means):
        total = 2.0 * spread_mV**2 / (jump_mV**2 * tau_ms)  # excitatory and inhibitory events per ms
        net = mean / (jump_mV * tau_ms)
        for sign in (1, -1):
            drives[f"{'in' if sign < 0 else 'ex'}{k}"] = {
                "kind": "poisson", "target": f"p{k}", "weight_mV": sign * jump_mV,
                "rate_hz": 500.0 * (total + sign * net),
            }  # fmt: skip
    found = run(
        tmp_path,
        simulation={"dt_ms": 0.02, "duration_ms": 4000.0},
        populations={
            f"p{k}": {"model": "iaf_psc_delta", "size": 500, "parameters": parameters, "initial": {"V_m_mV": 0.0}}
            for k in range(len(means))
        },
        drives=drives,
        record={"rate_bin_ms": 10.0},
    )
    for k, mean in enumerate(means):
        expected = siegert_hz(mean, spread_mV, tau_ms, 20.0, 10.0, 2.0)
        assert rate_hz(found, f"p{k}", 500.0) == pytest.approx(expected, rel=0.04, abs=0.2), (mean, expected)
