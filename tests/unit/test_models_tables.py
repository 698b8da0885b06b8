"""Tables, registry, checks, constants and initial states of the models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtbsim.errors import InputError
from dtbsim.models import NeuronModel, Parameter, Receptor, State, example_model, get_model, list_models
from dtbsim.models import registry as models_registry
from dtbsim.models.describe import describe, models_page
from dtbsim.models.describe_synapses import synapses_page
from dtbsim.models.integration import propagator_exp, refractory_steps
from dtbsim.models.language.checked import checked_update

ROOT = Path(__file__).resolve().parents[2]
IAF = get_model("iaf_psc_exp")


@pytest.mark.parametrize("name", list_models())
def test_every_model_is_documented_and_consistent(name: str) -> None:
    model = example_model(name)
    assert model.name == name
    assert model.summary
    assert model.integration
    text = describe(model)
    for row in (*model.parameters, *model.states, *model.receptors, *model.derived):
        assert row.description
        assert row.name in text
    if not model.is_source:
        assert model.citation
        assert model.equations
        spikes = "f32" if model.counts_spikes else "bool"
        assert [x.type for x in checked_update(model).results] == [row.dtype for row in model.states] + [spikes]
        model.check({}, 0.1)


def test_the_page_of_models_is_up_to_date() -> None:
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert page == f"{models_page()}\n{synapses_page()}", "run: python -m dtbsim.models.describe docs/models.md"


def test_importing_models_loads_no_compiler() -> None:
    code = "import sys, dtbsim.models; sys.exit('numba' in sys.modules or 'llvmlite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_same_arguments_give_the_same_object() -> None:
    ports = {"ampa": 2.0, "gaba": 5.0}
    assert get_model("iaf_psc_exp_multisynapse", ports) is get_model("iaf_psc_exp_multisynapse", dict(ports))
    assert get_model("iaf_psc_exp_multisynapse", ports) is not get_model("iaf_psc_exp_multisynapse", {"gaba": 5.0})
    assert get_model("izhikevich") is get_model("izhikevich")


@pytest.mark.parametrize(
    ("name", "receptors", "said", "remedy"),
    [
        ("iaf_psc_expp", None, "unknown model 'iaf_psc_expp'", "did you mean 'iaf_psc_exp'"),
        ("izhikevich", {"a": 1.0}, "fixed receptor ports (syn)", "remove `receptors`"),
        ("spike_source", {"a": 1.0}, "fixed receptor ports (none)", "remove `receptors`"),
        ("iaf_psc_exp_multisynapse", None, "needs receptor ports", "receptors: {ampa: 2, nmda: 100, gaba: 5}"),
        ("iaf_psc_exp_multisynapse", {}, "needs receptor ports", "receptors: {"),
        ("iaf_psc_exp_multisynapse", {"1a": 2.0}, "receptor name '1a'", "begin with a letter"),
    ],
)
def test_unknown_models_and_ports(name: str, receptors: Any, said: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        get_model(name, receptors)
    assert said in caught.value.message
    assert remedy in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("model", "parameters", "dt_ms", "said"),
    [
        (IAF, {"tau_m_ms": 0.0}, 0.1, "tau_m_ms is 0 ms; allowed: (0, inf)"),
        (IAF, {"C_m_pF": -1.0}, 0.1, "C_m_pF is -1 pF; allowed: (0, inf)"),
        (IAF, {"t_ref_ms": -0.1}, 0.1, "t_ref_ms is -0.1 ms; allowed: [0, inf)"),
        (IAF, {"E_L_mV": float("nan")}, 0.1, "E_L_mV is nan mV; allowed: any finite number"),
        (IAF, {"tau_syn_ex_ms": np.array([1.0, -2.0, 0.0])}, 0.1, "is -2 ms (and 1 more neurons)"),
        (IAF, {"V_reset_mV": -55.0}, 0.1, "V_reset_mV is -55 mV with V_th_mV -55 mV"),
        (IAF, {"V_th_mV": np.array([-50.0, -71.0])}, 0.1, "V_reset_mV is -70 mV with V_th_mV -71 mV"),
        (IAF, {"t_ref_ms": 1e9}, 0.1, "refractory_steps = 1e+10 steps (largest allowed: 1.67772e+07)"),
        (IAF, {"C_m_pF": 1e-45}, 0.1, "P20"),
        (IAF, {"tau_m": 10.0}, 0.1, "has no parameter 'tau_m'"),
        (IAF, {}, 0.0, "dt_ms is 0; it must be above 0"),
        (IAF, {}, float("nan"), "dt_ms is nan"),
        (get_model("izhikevich"), {}, 1.5, "dt_ms is 1.5; model 'izhikevich' needs dt_ms <= 1"),
        (get_model("iaf_psc_exp_multisynapse", {"p": -3.0}), {}, 0.1, "tau_syn_p_ms is -3 ms; allowed: (0, inf)"),
    ],
)
def test_parameters_out_of_bounds_are_named(model: NeuronModel, parameters: Any, dt_ms: float, said: str) -> None:
    with pytest.raises(InputError) as caught:
        model.check(parameters, dt_ms, where="populations.E.parameters")
    assert said in caught.value.message


class Stiff(NeuronModel):
    """The scheme is stable up to two thirds of the time constant."""

    name = "stiff"
    summary = "explicit steps"
    parameters = (Parameter("tau_m_ms", "ms", 1.0, "time constant", low=0.0),)
    states = (State("x", "1", "decays"),)

    def largest_dt_ms(self, p: Any) -> Any:
        return p["tau_m_ms"] * 2.0 / 3.0

    @staticmethod
    def update(x, dt_ms, tau_m_ms):  # type: ignore[no-untyped-def]
        return x - dt_ms / tau_m_ms * x, False


@pytest.mark.parametrize(
    ("tau_m_ms", "dt_ms", "bound"),
    [
        (1.0, 0.7, "0.6666"),
        (np.array([3.0, 0.6, 6.0]), 0.5, "0.4"),
        (np.array([3.0, 0.6, 6.0]), 0.4001, "0.4"),
        (12345.678, 8231.0, "8230"),
        (0.0, 0.1, "0"),
    ],
)
def test_a_step_beyond_the_stable_one_is_refused_with_the_bound(tau_m_ms: Any, dt_ms: float, bound: str) -> None:
    with pytest.raises(InputError) as caught:
        Stiff().check({"tau_m_ms": tau_m_ms}, dt_ms, where="populations.E")
    assert str(caught.value) == (
        f"populations.E: dt_ms is {dt_ms:g}; model 'stiff' needs dt_ms <= {bound} with these parameters "
        f"(set simulation.dt_ms to {bound} or less)"
    )
    if float(bound):
        Stiff().check({"tau_m_ms": tau_m_ms}, float(bound))


def test_without_the_hook_any_step_is_stable() -> None:
    assert IAF.largest_dt_ms({}) is None
    IAF.check({}, 100.0)
    get_model("izhikevich").check({}, 1.0)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: IAF.parameter("V_th_V", -0.055), "this key takes millivolts: V_th_mV (-0.055 V = -55 mV)"),
        (lambda: IAF.parameter("tau_m_s", 0.01), "this key takes milliseconds: tau_m_ms (0.01 s = 10 ms)"),
        (lambda: IAF.parameter("C_m_nF"), "this key takes picofarads: C_m_pF"),
        (lambda: IAF.parameter("tau_m"), "the unit belongs in the name: tau_m_ms (milliseconds)"),
        (lambda: IAF.parameter("tau_n_ms"), "did you mean 'tau_m_ms'? allowed: "),
        (lambda: IAF.state("V_m_V", -0.07), "this key takes millivolts: V_m_mV (-0.07 V = -70 mV)"),
        (lambda: IAF.state("V_mV"), "did you mean 'V_m_mV'? allowed: "),
        (lambda: IAF.receptor("exc"), "did you mean 'ex'? allowed: ex, in"),
    ],
)
def test_a_wrong_name_gets_the_right_unit_or_the_closest_name(call: Any, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert (caught.value.remedy or "").startswith(remedy)


def test_errors_of_a_check_say_where() -> None:
    for parameters in ({"tau_m_ms": 0.0}, {"V_reset_mV": 0.0}):
        with pytest.raises(InputError) as caught:
            IAF.check(parameters, 0.1, where="populations.E")
        assert caught.value.where == "populations.E"


def test_rows_by_name() -> None:
    assert IAF.parameter("tau_m_ms").unit == "ms"
    assert IAF.state("V_m_mV").offset == "E_L_mV"
    assert IAF.receptor("in").channel == 1
    assert get_model("izhikevich").receptor(None).name == "syn"
    with pytest.raises(InputError, match="has these receptor ports: ex, in"):
        IAF.receptor(None)
    with pytest.raises(InputError, match=r"no state 'V_m' .*in the name: V_m_mV"):
        IAF.state("V_m")


def test_constants_are_scalars_or_arrays_as_the_parameters_are() -> None:
    constants = IAF.constants({"tau_m_ms": np.array([10.0, 20.0]), "I_e_pA": 5.0}, 0.1)
    assert tuple(constants) == IAF.constant_names
    assert {name for name, value in constants.items() if np.ndim(value)} == {"P22", "P21_ex", "P21_in", "P20"}
    np.testing.assert_allclose(constants["P22"], np.exp([-0.01, -0.005]))
    assert constants["I_e_pA"] == 5.0
    assert constants["refractory_steps"] == 20.0


def test_initial_states_and_what_is_recorded() -> None:
    p = {"E_L_mV": -65.0}
    assert IAF.initial_states(p)["V_m_mV"] == 0.0
    given = IAF.initial_states(p, {"V_m_mV": np.array([-60.0, -58.0])})
    np.testing.assert_array_equal(given["V_m_mV"], [5.0, 7.0])
    np.testing.assert_array_equal(IAF.recorded("V_m_mV", np.array([5.0, 7.0], np.float32), p), [-60.0, -58.0])
    np.testing.assert_array_equal(IAF.recorded("I_syn_ex_pA", np.float32(3.5), p), 3.5)
    with pytest.raises(InputError, match="no state 'V'"):
        IAF.initial_states(p, {"V": 1.0})
    izhikevich = get_model("izhikevich")
    assert izhikevich.initial_states({"b": 0.25}, {"V_m_mV": -60.0}) == {"V_m_mV": -60.0, "u": -15.0}
    assert izhikevich.initial_states({}, {"u": 1.0}) == {"V_m_mV": -65.0, "u": 1.0}


def test_simplify_only_where_one_current_is_the_same_for_all() -> None:
    simple = IAF.simplify({"tau_syn_ex_ms": 0.5, "tau_syn_in_ms": 0.5})
    assert simple.inputs == ("syn",)
    assert [row.channel for row in simple.receptors] == [0, 0]
    assert simple.parameters == IAF.parameters
    assert IAF.simplify({}) is simple
    assert simple.simplify({}) is simple
    assert IAF.simplify({"tau_syn_ex_ms": 0.5}) is IAF
    some = np.array([2.0, 3.0])
    assert IAF.simplify({"tau_syn_ex_ms": some, "tau_syn_in_ms": some}) is simple
    assert IAF.simplify({"tau_syn_ex_ms": some}) is IAF
    assert IAF.simplify({"tau_syn_ex_ms": np.nan, "tau_syn_in_ms": np.nan}) is IAF, "each drawn for itself"
    assert simple.with_states(["V_m_mV"]) is simple
    assert [row.name for row in simple.with_states(["I_syn_ex_pA"]).states] == [
        "V_m_mV", "I_syn_pA", "refractory", "I_syn_ex_pA", "I_syn_in_pA"
    ]  # fmt: skip
    with pytest.raises(InputError, match="has no state 'I_syn_pA'"):
        IAF.with_states(["I_syn_pA"])


def test_a_shared_current_starts_at_the_sum() -> None:
    simple = IAF.simplify({})
    given = {"I_syn_ex_pA": 3.0, "I_syn_in_pA": np.array([-1.0, 0.5])}
    assert simple.initial_states({}, given)["I_syn_pA"].tolist() == [2.0, 3.5]
    assert simple.initial_states({})["I_syn_pA"] == 0.0
    watched = simple.with_states(["I_syn_ex_pA"]).initial_states({}, given)
    assert watched["I_syn_pA"].tolist() == [2.0, 3.5]
    assert watched["I_syn_ex_pA"] == 3.0
    assert watched["I_syn_in_pA"].tolist() == [-1.0, 0.5]


def test_propagator_at_and_near_equal_time_constants() -> None:
    tau_m, C, h = 10.0, 250.0, 0.1
    assert propagator_exp(tau_m, tau_m, C, h) == pytest.approx(h / C * np.exp(-h / tau_m), rel=1e-14)
    near = propagator_exp(tau_m * (1 + np.array([-1e-6, -1e-9, 1e-9, 1e-6])), tau_m, C, h)
    np.testing.assert_allclose(near, h / C * np.exp(-h / tau_m), rtol=1e-8)
    tau_s = 2.0
    textbook = tau_s * tau_m / (C * (tau_m - tau_s)) * (np.exp(-h / tau_m) - np.exp(-h / tau_s))
    assert propagator_exp(tau_s, tau_m, C, h) == pytest.approx(textbook, rel=1e-12)


@pytest.mark.parametrize(
    ("t_ref", "dt", "steps"),
    [(2.0, 0.1, 20), (0.3, 0.1, 3), (0.7, 0.1, 7), (2.04, 0.1, 21), (2.0004, 0.1, 20), (0.0, 0.1, 0), (0.3, 1.0, 1)],
)
def test_refractory_steps_round_up_as_in_nest(t_ref: float, dt: float, steps: int) -> None:
    assert refractory_steps(t_ref, dt) == steps


class Custom(NeuronModel):
    """A complete model; the tests break it in one place each."""

    name = "custom"
    summary = "for tests"
    parameters = (Parameter("decay", "1", 0.5, "factor", low=0.0, high=1.0),)
    states = (State("v_mV", "mV", "potential"), State("n", "steps", "counter", dtype="i32"))
    receptors = (Receptor("syn", "mV", "jump", channel=0),)

    @staticmethod
    def update(v_mV, n, in_syn, decay):  # type: ignore[no-untyped-def]
        v = decay * v_mV + in_syn
        return v, n + 1, v > 1.0


def broken(**changes: Any) -> NeuronModel:
    functions = {key: staticmethod(value) if callable(value) else value for key, value in changes.items()}
    model = type("Broken", (Custom,), functions)()
    assert isinstance(model, NeuronModel)
    return model


def test_a_model_of_a_user() -> None:
    assert [x.type for x in checked_update(Custom()).results] == ["f32", "i32", "bool"]
    assert Custom().constants({"decay": 0.25}, 0.1) == {"decay": 0.25}


def test_registering_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_registry.MODELS, "_built_in", dict(models_registry.MODELS._built_in))
    models_registry.register_model(Custom)
    assert isinstance(get_model("custom"), Custom)
    assert "custom" in list_models()
    with pytest.raises(InputError, match="exists already"):
        models_registry.register_model(Custom)
    models_registry._fixed.cache_clear()


def no_input(v_mV, n, decay):  # type: ignore[no-untyped-def]
    return v_mV, n, False


def too_few(v_mV, n, in_syn):  # type: ignore[no-untyped-def]
    return v_mV, in_syn > n


def wrong_type(v_mV, n, in_syn):  # type: ignore[no-untyped-def]
    return v_mV, v_mV, in_syn > 0


def no_truth(v_mV, n, in_syn):  # type: ignore[no-untyped-def]
    return v_mV, n, in_syn


def unknown_constant(v_mV, n, in_syn, decai):  # type: ignore[no-untyped-def]
    return v_mV, n, in_syn > decai


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"update": no_input}, "does not take 'in_syn'"),
        ({"update": too_few}, "returns 2 values; expected 3"),
        ({"update": wrong_type}, "returns f32 for state 'n', which is i32"),
        ({"update": no_truth}, "must say whether the neuron spiked"),
        ({"update": unknown_constant}, "'decai' is no state, input, parameter or derived constant"),
        ({"parameters": (Parameter("v_mV", "mV", 0.0, "twice"),)}, "uses the name 'v_mV' twice"),
        ({"states": (State("v_mV", "mV", "x", default="E_L"), Custom.states[1])}, "refers to 'E_L'"),
        ({"states": (State("v_mV", "mV", "x", offset="E_L"), Custom.states[1])}, "refers to 'E_L'"),
        ({"receptors": (Receptor("syn", "mV", "jump", channel=1),)}, "feeds channel 1, but the model has 1"),
    ],
)
def test_an_inconsistent_model_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        checked_update(broken(**changes))
    assert said in caught.value.message
    assert caught.value.where is not None
    assert "test_models_tables.py:" in caught.value.where


def test_a_source_has_no_update() -> None:
    for name in ("spike_source", "poisson_source"):
        with pytest.raises(InputError, match="emits spikes without an update function"):
            checked_update(get_model(name))
