"""The equations of the Hodgkin-Huxley and the generalised leaky integrate-and-fire (GLIF) models; see `forms`."""

from __future__ import annotations

from typing import Any

from dtbsim.interchange.neuroml.forms import Form, both
from dtbsim.models.language.elementary import exp
from dtbsim.models.language.subset import function_from_text


def linoid(x: float) -> Any:
    """x / (1 - exp(-x)), by its series where it is 0 / 0."""
    near = abs(x) < 0.001
    return 1.0 + 0.5 * x + 0.083333333 * x * x if near else x / (1.0 - exp(-x))


_CHANNELS = """\
    current = g_Na_nS * Act_m * Act_m * Act_m * Inact_h * (E_Na_mV - V_m_mV)
    current = current + g_K_nS * Act_n * Act_n * Act_n * Act_n * (E_K_mV - V_m_mV) + g_L_nS * (E_L_mV - V_m_mV)
    return (
        (current + I_e_pA + I) / C_m_pF,
        alpha_m * (1.0 - Act_m) - beta_m * Act_m,
        alpha_h * (1.0 - Inact_h) - beta_h * Inact_h,
        alpha_n * (1.0 - Act_n) - beta_n * Act_n,
    )
"""
_ARGUMENTS = "V_m_mV, Act_m, Inact_h, Act_n, C_m_pF, g_Na_nS, g_K_nS, g_L_nS, E_Na_mV, E_K_mV, E_L_mV, I_e_pA, I"
_hodgkin_huxley = function_from_text(
    f"""\
def hodgkin_huxley({_ARGUMENTS}):
    alpha_m = linoid((V_m_mV + 40.0) * 0.1)
    beta_m = 4.0 * exp((V_m_mV + 65.0) * -0.055555556)
    alpha_h = 0.07 * exp((V_m_mV + 65.0) * -0.05)
    beta_h = 1.0 / (1.0 + exp((V_m_mV + 35.0) * -0.1))
    alpha_n = 0.1 * linoid((V_m_mV + 55.0) * 0.1)
    beta_n = 0.125 * exp((V_m_mV + 65.0) * -0.0125)
{_CHANNELS}""",
    "hodgkin_huxley",
)
_traub = function_from_text(
    f"""\
def traub({_ARGUMENTS}, V_T_mV):
    U = V_m_mV - V_T_mV
    alpha_m = 1.28 * linoid((U - 13.0) * 0.25)
    beta_m = 1.4 * linoid((40.0 - U) * 0.2)
    alpha_h = 0.128 * exp((17.0 - U) * 0.055555556)
    beta_h = 4.0 / (1.0 + exp((40.0 - U) * 0.2))
    alpha_n = 0.16 * linoid((U - 15.0) * 0.2)
    beta_n = 0.5 * exp((10.0 - U) * 0.025)
{_CHANNELS}""",
    "traub",
)


def _maximum(V_m_mV: Any, slope: Any) -> Any:
    return V_m_mV >= 0.0 and slope < 0.0


def _maximum_above(V_m_mV: Any, V_T_mV: Any, slope: Any) -> Any:
    return V_m_mV - V_T_mV >= 30.0 and slope < 0.0


_STATES = ("V_m_mV", "Act_m", "Inact_h", "Act_n")


def _glif(threshold: bool, currents: bool, adapting: bool) -> Form:
    """A GLIF model with a threshold that spikes raise, after-spike currents, and one that follows the potential."""
    states, changed, arguments = ["V_m_mV"], ["V_m_mV"], ["V_m_mV", "E_L_mV"]
    rates = ["(g_nS * (E_L_mV - V_m_mV) + {asc}I_e_pA + I) / C_m_pF"]
    takes = ["V_m_mV", "E_L_mV", "g_nS", "C_m_pF", "I_e_pA", "I"]
    reset, limit, spike = [], "V_th_mV", ["V_m_mV", "V_th_mV"]
    if threshold:
        reset.append("E_L_mV + voltage_reset_fraction * (V_m_mV - E_L_mV) + voltage_reset_add_mV")
        arguments += ["voltage_reset_fraction", "voltage_reset_add_mV"]
    else:
        reset.append("V_reset_mV")
        arguments += ["V_reset_mV"]
    if currents or threshold:
        arguments += ["t_ref_ms"]
    if threshold:
        states.append("threshold_spike_mV")
        changed.append("threshold_spike_mV")
        rates.append("-th_spike_decay_per_ms * threshold_spike_mV")
        takes += ["threshold_spike_mV", "th_spike_decay_per_ms"]
        reset.append("threshold_spike_mV * exp(-th_spike_decay_per_ms * t_ref_ms) + th_spike_add_mV")
        arguments += ["threshold_spike_mV", "th_spike_decay_per_ms", "th_spike_add_mV"]
        limit, spike = f"{limit} + threshold_spike_mV", [*spike, "threshold_spike_mV"]
    for j in (1, 2) if currents else ():
        state, decay = f"ASCurrent_{j}_pA", f"asc_decay_{j}_per_ms"
        states.append(state)
        changed.append(state)
        rates.append(f"-{decay} * {state}")
        takes += [state, decay]
        reset.append(f"asc_r_{j} * exp(-{decay} * t_ref_ms) * {state} + asc_amps_{j}_pA")
        arguments += [state, decay, f"asc_r_{j}", f"asc_amps_{j}_pA"]
    if adapting:
        states.append("threshold_voltage_mV")
        rates.append(
            "th_voltage_index_per_ms * (V_m_mV - E_L_mV) - th_voltage_decay_per_ms * threshold_voltage_mV"
        )  # fmt: skip
        takes += ["threshold_voltage_mV", "th_voltage_index_per_ms", "th_voltage_decay_per_ms"]
        limit, spike = f"{limit} + threshold_voltage_mV", [*spike, "threshold_voltage_mV"]
    rates[0] = rates[0].format(asc="ASCurrent_1_pA + ASCurrent_2_pA + " if currents else "")

    def function(name: str, names: list[str], values: list[str]) -> Any:
        text = f"def {name}({', '.join(names)}):\n    return {', '.join(values)}\n"
        return function_from_text(text, name)

    return Form(
        tuple(states), function("rates", takes, rates), function("spike", spike, [f"V_m_mV > {limit}"]),
        function("reset", arguments, reset), tuple(changed), tuple(states), "t_ref_ms", each_port="alpha_current",
    )  # fmt: skip


FORMS_HH: dict[str, Form] = {
    "hh_psc_alpha": Form(
        _STATES, _hodgkin_huxley, _maximum, t_ref="t_ref_ms", ports=both("alpha_current"), helpers=(linoid,)
    ),
    "hh_cond_exp_traub": Form(
        _STATES, _traub, _maximum_above, t_ref="t_ref_ms", ports=both("exp_conductance"), helpers=(linoid,)
    ),
    "glif1_psc": _glif(threshold=False, currents=False, adapting=False),
    "glif2_psc": _glif(threshold=True, currents=False, adapting=False),
    "glif3_psc": _glif(threshold=False, currents=True, adapting=False),
    "glif4_psc": _glif(threshold=True, currents=True, adapting=False),
    "glif5_psc": _glif(threshold=True, currents=True, adapting=True),
}
