"""The C++ text of every model against the numba kernel: the same bits, and mutants that must be noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers import c_kernel, cases_currents, cases_odes
from tests.helpers.elementary_model import Everything
from tests.helpers.single_population import SinglePopulation

from dtbsim.models import get_model

pytestmark = pytest.mark.skipif(c_kernel.GXX is None, reason="needs g++")

N = 67
STEPS = 3000
IAF = get_model("iaf_psc_exp")
PORTS = get_model("iaf_psc_exp_multisynapse", {"ampa": 1.7, "nmda": 90.0, "gaba": 6.3})
DISTINCT = {"tau_m_ms": 13.0, "C_m_pF": 211.0, "E_L_mV": -65.3, "V_th_mV": -50.2, "V_reset_mV": -61.7, "t_ref_ms": 0.7}
TAUS = {"tau_syn_ex_ms": 1.7, "tau_syn_in_ms": 6.3}
SPREAD = np.linspace(0.0, 1.0, N)

Case = dict[str, Any]
CASES: dict[str, Case] = {
    "iaf_psc_exp": {"model": IAF, "parameters": DISTINCT | TAUS | {"I_e_pA": 150.0 + 250.0 * SPREAD}},
    "iaf_psc_exp with current and spread constants": {
        "model": IAF,
        "parameters": DISTINCT | TAUS | {"V_th_mV": -50.0 + 5.0 * SPREAD, "t_ref_ms": 3.0 * SPREAD},
        "use_stim": True,
    },
    "iaf_psc_exp, int64": {"model": IAF, "parameters": DISTINCT | TAUS | {"I_e_pA": 250.0}, "acc_bits": 64},
    "iaf_psc_exp, shared current": {
        "model": IAF.simplify(DISTINCT),
        "parameters": DISTINCT | {"I_e_pA": 150.0 + 250.0 * SPREAD},
    },
    "multisynapse": {"model": PORTS, "parameters": DISTINCT | {"I_e_pA": 300.0}, "use_stim": True},
    "multisynapse, mixed channels": {
        "model": PORTS,
        "parameters": DISTINCT | {"I_e_pA": 300.0},
        "mix": [[1.0, 0.5, 0.0], [0.25, 0.5, 0.0], [0.0, 0.0, 0.0]],
    },
    "izhikevich": {
        "model": get_model("izhikevich"),
        "parameters": {"a": 0.02 + 0.08 * SPREAD, "d": 8.0 - 6.0 * SPREAD, "I_e_mV_per_ms": 9.0},
        "use_stim": True,
        "quantum": 0.03125,
        "dt_ms": 0.5,
    },
    "every construct": {"model": Everything(), "use_stim": True, "quantum": 0.001},
    **cases_odes.CASES,
} | cases_currents.CASES


def make(case: Case, call: Callable[..., Any] | None = None) -> SinglePopulation:
    model = case["model"]
    channels = len(case["mix"][0]) if "mix" in case else len(model.inputs)
    population = SinglePopulation(
        model,
        N,
        case.get("dt_ms", 0.1),
        case.get("parameters"),
        quanta=[case.get("quantum", 1.0)] * channels,
        mix=case.get("mix"),
        use_stim=case.get("use_stim", False),
        acc_bits=case.get("acc_bits", 32),
        call=call,
    )
    if "edges" in case:
        case["edges"](population)
    elif "P22" in model.constant_names:
        edge_rows(population)
    return population


def edge_rows(population: SinglePopulation) -> None:
    """Row 0 reaches the threshold exactly in the first step; rows 1 to 3 are above it at the end of refractoriness."""

    def constant(name: str) -> Any:
        order = population.kernel.constant_order
        return population.C[order.index(name)] if name in order else population.F[population.offsets[name]]

    P22, theta = constant("P22"), constant("theta_mV")
    drive = constant("I_e_pA") * constant("P20")
    below = (theta - drive) / P22
    candidates = (below.view(np.int32) + np.arange(-9, 10, dtype=np.int32)).view(np.float32)
    exact = candidates[candidates * P22 + drive == theta]
    potential, refractory = population.state("V_m_mV"), population.state("refractory")
    potential[0] = exact[0]
    potential[1:4] = np.float32(30.0)
    refractory[1:4] = [1, 2, 0]


def first_of(case: Case) -> tuple[int, ...] | None:
    """Which of the edge rows spike in the first step, None where there are none."""
    if "edges" in case or "P22" in case["model"].constant_names:
        return tuple(case.get("first", (1, 1, 1, 1)))
    return None


def run(population: SinglePopulation, other: SinglePopulation, first: tuple[int, ...] | None = None) -> int | None:
    """Step both with the same random input; return the first step at which any bit differs, None if none does.

    `first`: which of the edge rows spike in the first step.
    """
    draw = np.random.default_rng(5)
    channels = population.kernel.n_channels
    for step in range(STEPS):
        inputs = {c: draw.integers(-60, 70, N) * (draw.random(N) < 0.3) for c in range(channels)} if step else {}
        current = draw.integers(-40, 60, N) if step and population.kernel.variant.use_stim else 0.0
        spiked, also = population.step(inputs, current), other.step(inputs, current)
        if step == 0 and first is not None:
            assert tuple(spiked[:4]) == first
        same = np.array_equal(spiked, also) and population.F.tobytes() == other.F.tobytes()
        if not (same and population.I.tobytes() == other.I.tobytes()):
            return step
        assert population.untouched()
        assert other.untouched()
    return None


@pytest.mark.parametrize("name", list(CASES))
def test_c_text_gives_the_bits_of_the_numba_kernel(name: str, tmp_path: Path) -> None:
    population = make(CASES[name])
    other = make(CASES[name], c_kernel.build(population.kernel, tmp_path))
    assert run(population, other, first_of(CASES[name])) is None
    for row in population.model.states:
        assert np.isfinite(population.state(row.name)).all()


def swap(a: str, b: str) -> Callable[[str], str]:
    return lambda text: text.replace(f"{a})", "@)").replace(f"{b})", f"{a})").replace("@)", f"{b})")


def once(a: str, b: str) -> Callable[[str], str]:
    return lambda text: text.replace(a, b, 1)


MUTANTS = {
    ("iaf_psc_exp", "> for >="): once("v >= theta_mV", "v > theta_mV"),
    ("iaf_psc_exp", "swapped decays"): swap("P11_ex", "P11_in"),
    ("iaf_psc_exp", "swapped propagators"): swap("P21_ex", "P21_in"),
    ("iaf_psc_exp", "swapped inputs"): swap("in_ex", "in_in"),
    ("iaf_psc_exp", "early end of refractoriness"): once("refractory == (0)", "refractory <= (1)"),
    ("iaf_psc_exp", "one step less refractory"): once("? refractory_steps :", "? refractory_steps - 1 :"),
    ("iaf_psc_exp", "reset to threshold"): once("? reset_mV :", "? theta_mV :"),
    ("iaf_psc_exp, shared current", "> for >="): once("v >= theta_mV", "v > theta_mV"),
    ("multisynapse", "swapped decays"): swap("P11_nmda", "P11_gaba"),
    ("multisynapse", "> for >="): once("v >= theta_mV", "v > theta_mV"),
    ("izhikevich", "no jump of u"): once("u + d", "u"),
    ("izhikevich", "one half step"): once("half_dt_ms * ", "2.0f * half_dt_ms * "),
    ("every construct", "other rounding"): once("below = dtb_exp(", "below = __builtin_expf("),
    ("every construct", "> for >="): once("count >= period", "count > period"),
    **cases_odes.MUTANTS,
} | cases_currents.MUTANTS


@pytest.mark.parametrize(("name", "mutant"), list(MUTANTS))
def test_mutants_are_noticed(name: str, mutant: str, tmp_path: Path) -> None:
    population = make(CASES[name])
    mutate = MUTANTS[name, mutant]
    text = c_kernel.update_text(population.model)
    assert mutate(text) != text
    other = make(CASES[name], c_kernel.build(population.kernel, tmp_path, mutate))
    assert run(population, other, first_of(CASES[name])) is not None
