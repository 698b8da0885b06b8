"""Reference trajectories of TVB and neurolib (tests/data/regions) as runs of dtbsim's models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.region_oracle import Array, Link, Oracle

from dtbsim.models.region_registry import get_region_model

FOLDER = Path(__file__).parents[1] / "data" / "regions"
FILES = sorted(path.stem for path in FOLDER.glob("*.npz"))


@dataclass(frozen=True)
class Case:
    """How a file's model and coupling are called here; parameters as {ours: (theirs, factor)}."""

    model: str
    parameters: Mapping[str, str | tuple[str, float]] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()
    fixed: Mapping[str, float] = field(default_factory=dict)


def _same(*names: str, **others: str) -> dict[str, str]:
    return {**{name: name for name in names}, **others}


CASES: dict[str, Case] = {
    "tvb_dmf": Case(
        "deco_2014",
        _same("J_i", "G", W_E="W_e", a_E="a_e", b_E_Hz="b_e", d_E_s="d_e", gamma_E="gamma_e", tau_E_ms="tau_e",
              w_plus="w_p", W_I="W_i", J_N_nA="J_N", a_I="a_i", b_I_Hz="b_i", d_I_s="d_i", gamma_I="gamma_i",
              tau_I_ms="tau_i", I_0_nA="I_o", I_ext_nA="I_ext", lambda_FFI="lamda"),
        (("S_E", "network"),),
    ),
    "tvb_rww": Case(
        "deco_2013",
        {"a_per_nC": ("a", 1e3), "b_Hz": ("b", 1e3), "d_s": ("d", 1e-3), "gamma": ("gamma", 1e-3), "tau_S_ms": "tau_s",
         "w": "w", "J_N_nA": "J_N", "I_0_nA": "I_o"},
        (("S", "network"),),
    ),
    "tvb_wc": Case(
        "wilson_cowan",
        _same("c_ee", "c_ei", "c_ie", "c_ii", "a_e", "b_e", "c_e", "theta_e", "a_i", "b_i", "theta_i", "c_i", "r_e",
              "r_i", "k_e", "k_i", "P", "Q", "alpha_e", "alpha_i", tau_e_ms="tau_e", tau_i_ms="tau_i",
              shift="shift_sigmoid"),
        (("E", "E"),),
    ),
    "tvb_jr": Case(
        "jansen_rit",
        _same("J", "a_1", "a_2", "a_3", "a_4", A_mV="A", B_mV="B", a_per_ms="a", b_per_ms="b", v0_mV="v0",
              nu_max_per_ms="nu_max", r_per_mV="r", mu_per_ms="mu"),
        (("v_mV", "network"),),
    ),
    "tvb_hopf": Case("hopf", _same("a", "omega"), (("x", "x"), ("y", "y"))),
    "tvb_kuramoto": Case("kuramoto", {"omega_per_ms": "omega"}, (("theta", "network"),)),
    "tvb_epileptor": Case(
        "epileptor",
        _same("a", "b", "c", "d", "r", "s", "x0", "slope", "tau", "aa", "bb", I_ext="Iext", I_ext2="Iext2", K_vf="Kvf",
              K_f="Kf", K_s="Ks", tt_per_ms="tt"),
        (("x1", "x1"), ("x2", "x2")),
    ),
    "tvb_epileptor2d": Case(
        "epileptor_2d",
        _same("a", "b", "c", "d", "r", "x0", "slope", I_ext="Iext", K_vf="Kvf", K_s="Ks", tt_per_ms="tt"),
        (("x1", "x1"),),
    ),
    "tvb_mpr": Case(
        "montbrio_pazo_roxin",
        _same("Delta", "eta", "J", "I", tau_ms="tau", c_r="cr", c_V="cv"),
        (("r", "r"), ("V", "V")),
    ),
    "tvb_g2d": Case(
        "generic_2d_oscillator",
        _same("tau", "I", "a", "b", "c", "e", "f", "g", "alpha", "beta", "gamma", d_per_ms="d"),
        (("V", "V"),),
    ),
    "tvb_coombesbyrne2d": Case("coombes_byrne_2d", _same("Delta", "v_syn", "eta", kappa="k"), (("r", "r"),)),
    "tvb_larterbreakspear": Case(
        "larter_breakspear",
        {"b": "b", "C": "C", "phi": "phi", "I_ext": "Iext", "r_NMDA": "rNMDA", "Q_Vmax": "QV_max", "Q_Zmax": "QZ_max",
         "t_scale_per_ms": "t_scale", "V_T": "VT", "d_V": "d_V", "Z_T": "ZT", "d_Z": "d_Z", "tau_K": "tau_K",
         **{f"{kind}_{ion}": f"{kind}{ion}" for kind in ("g", "V") for ion in ("Ca", "K", "L", "Na")},
         **{f"T_{ion}": f"T{ion}" for ion in ("Ca", "K", "Na")},
         **{f"d_{ion}": f"d_{ion}" for ion in ("Ca", "K", "Na")},
         **{f"a_{pair}": f"a{pair}" for pair in ("ee", "ei", "ie", "ne", "ni")}},
        (("V", "Q"),),
    ),
    "neurolib_wc": Case(
        "wilson_cowan",
        {"c_ee": "c_excexc", "c_ei": "c_inhexc", "c_ie": "c_excinh", "c_ii": "c_inhinh", "a_e": "a_exc", "a_i": "a_inh",
         "b_e": "mu_exc", "b_i": "mu_inh", "tau_e_ms": "tau_exc", "tau_i_ms": "tau_inh", "P": "exc_ext"},
        (("E", "E"),),
        {"shift": 0.0},
    ),
    "neurolib_aln": Case(
        "aln",
        _same(mu_E_ext="mue_ext_mean", mu_I_ext="mui_ext_mean", sigma_E_ext="sigmae_ext",
              sigma_I_ext="sigmai_ext", K_E="Ke", K_I="Ki", d_E_ms="de", d_I_ms="di", tau_se_ms="tau_se",
              tau_si_ms="tau_si", c_gl_mV_per_ms="c_gl", a_nS="a", b_pA="b", E_A_mV="EA", tau_A_ms="tauA", C_pF="C",
              g_L_nS="gL")
        | {f"c_{x.upper()}": f"c{x}" for x in ("ee", "ei", "ie", "ii")}
        | {f"J_{x.upper()}": f"J{x}_max" for x in ("ee", "ei", "ie", "ii")} | {"K_gl": "Ke_gl"},
        (("r_E_Hz", "network"), ("r_E_Hz", "squares")),
    ),
    "neurolib_hopf": Case("hopf", _same("a", omega="w"), (("x", "x"),)),
    "neurolib_fhn": Case(
        "fitzhugh_nagumo",
        _same("alpha", "beta", "gamma", "delta", "epsilon", "x_ext", "y_ext", tau_ms="tau"),
        (("x", "x"),),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A file as a run: oracle, initial states [state, region], links, scheme, and what is to come out."""

    oracle: Oracle
    initial: Array
    links: list[Link]
    scheme: str
    dt_ms: float
    first: Array
    sampled: Array
    every: int


def parameters_of(name: str) -> dict[str, Any]:
    """Parameters of a file in dtbsim's names."""
    case, d = CASES["_".join(name.split("_")[:2])], np.load(FOLDER / f"{name}.npz")
    found: dict[str, Any] = dict(case.fixed)
    for ours, theirs in case.parameters.items():
        key, factor = theirs if isinstance(theirs, tuple) else (theirs, 1.0)
        values = np.ravel(np.asarray(d[f"p_{key}"], np.float64)) * factor
        found[ours] = values if values.size > 1 else float(values[0])
    return found


def load(name: str) -> Run:
    """A file as a run."""
    case, d = CASES["_".join(name.split("_")[:2])], np.load(FOLDER / f"{name}.npz")
    dt, w = float(d["dt"]), np.array(d["weights"])
    delays = np.rint(d["lengths_mm"] / float(d["speed_mm_per_ms"]) / dt).astype(int)
    oracle = Oracle(get_region_model(case.model), parameters_of(name), dt)
    tvb = name.startswith("tvb")
    initial = d["initial"] if tvb else neurolib_initial(case.model, d)
    coupling = tvb_coupling(d) if tvb else neurolib_coupling(name, d)
    squared = {row.name for row in oracle.model.inputs if row.squared}
    links = [Link(name_, into, w**2 if into in squared else w, delays, *coupling) for name_, into in case.links]
    scheme = str(d["scheme"]) if tvb else "euler"
    return Run(oracle, initial, links, scheme, dt, d["first"], d["sampled"], int(d["every"]))


def tvb_coupling(d: Mapping[str, Any]) -> tuple[Any, Any]:
    """(pre, post) of a coupling class of TVB."""
    c = {key[2:]: float(np.ravel(d[key])[0]) for key in d if key.startswith("c_")}
    kind = str(d["coupling"])
    if kind == "Linear":
        return (lambda own, other: other), (lambda total: c["a"] * total + c["b"])
    if kind == "Difference":
        return (lambda own, other: other - own), (lambda total: c["a"] * total)
    if kind == "Kuramoto":
        return (lambda own, other: np.sin(other - own)), (lambda total: c["a"] * total)
    if kind == "HyperbolicTangent":
        return (
            lambda own, other: c["a"] * (1.0 + np.tanh((c["b"] * other - c["midpoint"]) / c["sigma"]))
        ), lambda total: total
    assert kind == "SigmoidalJansenRit"
    return (
        lambda own, other: c["cmin"] + (c["cmax"] - c["cmin"]) / (1.0 + np.exp(c["r"] * (c["midpoint"] - other)))
    ), (lambda total: c["a"] * total)


_ALN_STATES = (
    "mufe", "mufi", "IA", "seem", "seim", "siem", "siim", "seev", "seiv", "siev", "siiv", "rates_exc", "rates_inh"
)  # fmt: skip


def neurolib_initial(model: str, d: Mapping[str, Any]) -> Array:
    """Initial states in the order of the model."""
    if model == "aln":
        return np.array([d[f"i_{name}_init"] for name in _ALN_STATES])
    return np.array([d[key] for key in d if key.startswith("i_")])


def given(name: str) -> Any:
    """What neurolib adds to the mean inputs of ALN in each step: they relax from their initial values."""
    if "aln" not in name:
        return lambda step: {}
    d = np.load(FOLDER / f"{name}.npz")
    kept = 1.0 - float(d["dt"]) / float(d["p_tau_ou"])
    apart = {f"in_mu_{x.upper()}": d[f"i_mu{x}_ou"] - float(d[f"p_mu{x}_ext_mean"]) for x in ("e", "i")}
    return lambda step: {key: value * kept**step for key, value in apart.items()}


def select(name: str, states: Array) -> Array:
    """The states that a file holds, of all [..., state, region]."""
    if "aln" not in name:
        return states
    return states[..., [11, 12, 2], :]


def neurolib_coupling(name: str, d: Mapping[str, Any]) -> tuple[Any, Any]:
    """(pre, post) of neurolib: diffusive but for Wilson-Cowan."""
    strength = float(d["p_K_gl"]) if "p_K_gl" in d else 1.0
    if "wc" in name or "aln" in name:
        return (lambda own, other: other), (lambda total: strength * total)
    return (lambda own, other: other - own), (lambda total: strength * total)
