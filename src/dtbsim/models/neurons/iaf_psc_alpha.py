"""Leaky integrate-and-fire neuron with alpha-shaped synaptic currents: NEST's `iaf_psc_alpha`."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from dtbsim.models.base import Constants, NeuronModel, Values, same_values
from dtbsim.models.integration import propagator_alpha, propagator_exp
from dtbsim.models.neurons.iaf_common import (
    EXACT,
    MEMBRANE,
    MEMBRANE_CONSTANTS,
    MEMBRANE_EQUATIONS,
    POTENTIAL,
    REFRACTORY,
    check_membrane,
    derive_membrane,
    shared_initial,
)
from dtbsim.models.tables import Current, Derived, Parameter, Receptor, State

ALPHA_EQUATIONS = (
    "I_x(t) = sum_k w_k (e / tau_syn_x) (t - t_k) exp(-(t - t_k) / tau_syn_x)   for t > t_k,{ports}\n"
    "that is  dI_x/dt = s_x - I_x / tau_syn_x\n"
    "         ds_x/dt = -s_x / tau_syn_x + sum_k w_k (e / tau_syn_x) delta(t - t_k)\n"
)
"""A spike of weight w gives a current whose peak, tau_syn after it, is w."""


def alpha_states(port: str, words: str) -> tuple[State, ...]:
    """Return slope and value of the current of a port; `words` name it."""
    return (
        State(f"dI_syn_{port}_pA_per_ms", "pA/ms", f"slope s of the {words} (without its decay)"),
        State(f"I_syn_{port}_pA", "pA", words),
    )


def alpha_constants(port: str, words: str) -> tuple[Derived, ...]:
    """Return the rows of what `derive_alpha` gives for a port.

    Changes instead of decays: what float32 leaves of a decay near 1 would shift the time constant by 1e-6.
    """
    return (
        Derived(f"fade_{port}", "1", f"relative change of the {words} over one step, exp(-dt / tau_syn) - 1"),
        Derived(f"ramp_{port}", "ms", "dt exp(-dt / tau_syn): slope to current"),
        Derived(f"V_slope_{port}", "mV ms/pA", "slope to potential"),
        Derived(f"V_current_{port}", "mV/pA", "current to potential"),
        Derived(f"slope_{port}", "1/ms", "e / tau_syn: weight to slope"),
    )


def derive_alpha(port: str, tau_syn_ms: object, tau_m_ms: object, C_m_pF: object, dt_ms: float) -> Constants:
    """Return the propagators of one alpha current."""
    tau = np.asarray(tau_syn_ms, dtype=np.float64)
    return {
        f"fade_{port}": np.expm1(-dt_ms / tau),
        f"ramp_{port}": dt_ms * np.exp(-dt_ms / tau),
        f"V_slope_{port}": propagator_alpha(tau_syn_ms, tau_m_ms, C_m_pF, dt_ms),
        f"V_current_{port}": propagator_exp(tau_syn_ms, tau_m_ms, C_m_pF, dt_ms),
        f"slope_{port}": np.e / tau,
    }


_MEMBRANE_CONSTANTS = (
    Derived("leak", "1", "relative change of the potential over one step, exp(-dt / tau_m) - 1"),
    *(row for row in MEMBRANE_CONSTANTS if row.name != "P22"),
)


def _derive(p: Values, dt_ms: float, taus: dict[str, str]) -> Constants:
    """Return constants of the membrane and of the currents `taus`, {name: its parameter}."""
    constants = derive_membrane(p, dt_ms) | {"leak": np.expm1(-dt_ms / np.asarray(p["tau_m_ms"]))}
    for name, tau in taus.items():
        constants |= derive_alpha(name, p[tau], p["tau_m_ms"], p["C_m_pF"], dt_ms)
    return constants


class IafPscAlpha(NeuronModel):
    """NEST's `iaf_psc_alpha` without the lower bound V_min."""

    name = "iaf_psc_alpha"
    summary = "Leaky integrate-and-fire neuron with alpha-shaped excitatory and inhibitory currents"
    citation = "NEST 3.10, iaf_psc_alpha; Rotter and Diesmann 1999 (doi:10.1007/s004220050570)"
    integration = EXACT + "; equal time constants tau_m and tau_syn_x use the limits of the propagators"
    equations = MEMBRANE_EQUATIONS + ALPHA_EQUATIONS.format(ports="   x = ex, in")
    parameters = (
        *MEMBRANE,
        Parameter("tau_syn_ex_ms", "ms", 2.0, "time to peak of the excitatory current", low=0.0, open_low=True),
        Parameter("tau_syn_in_ms", "ms", 2.0, "time to peak of the inhibitory current", low=0.0, open_low=True),
    )
    states = (
        POTENTIAL,
        *alpha_states("ex", "excitatory synaptic current"),
        *alpha_states("in", "inhibitory synaptic current"),
        REFRACTORY,
    )
    derived = (
        *_MEMBRANE_CONSTANTS,
        *alpha_constants("ex", "excitatory current"),
        *alpha_constants("in", "inhibitory current"),
    )
    synaptic_currents = (Current("I_syn_ex_pA"), Current("I_syn_in_pA"))
    receptors = (
        Receptor("ex", "pA", "peak of a current with tau_syn_ex_ms; weights of either sign", channel=0),
        Receptor("in", "pA", "peak of a current with tau_syn_in_ms; weights of either sign", channel=1),
    )

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Propagators of the exact solution."""
        return _derive(p, dt_ms, {"ex": "tau_syn_ex_ms", "in": "tau_syn_in_ms"})

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold."""
        check_membrane(p)

    def simplify(self, p: Values, initial: Values | None = None) -> NeuronModel:
        """One current for both ports where their time constants are the same for every neuron."""
        values = self.complete(p)
        return _SHARED_CURRENT if same_values(values["tau_syn_ex_ms"], values["tau_syn_in_ms"]) else self

    @staticmethod
    def update(
        V_m_mV: float,
        dI_syn_ex_pA_per_ms: float,
        I_syn_ex_pA: float,
        dI_syn_in_pA_per_ms: float,
        I_syn_in_pA: float,
        refractory: int,
        in_ex: float,
        in_in: float,
        I_stim: float,
        leak: float,
        P20: float,
        V_slope_ex: float,
        V_current_ex: float,
        V_slope_in: float,
        V_current_in: float,
        fade_ex: float,
        ramp_ex: float,
        slope_ex: float,
        fade_in: float,
        ramp_in: float,
        slope_in: float,
        I_e_pA: float,
        theta_mV: float,
        reset_mV: float,
        refractory_steps: int,
    ) -> tuple[float, float, float, float, float, int, bool]:
        """Potential from the currents at the start of the step, then the currents, then the spikes at its end."""
        v = V_m_mV * leak + (I_e_pA + I_stim) * P20
        v = v + V_slope_ex * dI_syn_ex_pA_per_ms + V_current_ex * I_syn_ex_pA
        v = v + V_slope_in * dI_syn_in_pA_per_ms + V_current_in * I_syn_in_pA
        v = v + V_m_mV
        v = 0.0 if abs(v) < 1e-15 else v
        v = v if refractory == 0 else V_m_mV
        left = max(refractory - 1, 0)
        i_ex = I_syn_ex_pA * fade_ex + dI_syn_ex_pA_per_ms * ramp_ex + I_syn_ex_pA
        i_in = I_syn_in_pA * fade_in + dI_syn_in_pA_per_ms * ramp_in + I_syn_in_pA
        s_ex = dI_syn_ex_pA_per_ms * fade_ex + in_ex * slope_ex + dI_syn_ex_pA_per_ms
        s_in = dI_syn_in_pA_per_ms * fade_in + in_in * slope_in + dI_syn_in_pA_per_ms
        i_ex = 0.0 if abs(i_ex) < 1e-15 else i_ex
        i_in = 0.0 if abs(i_in) < 1e-15 else i_in
        s_ex = 0.0 if abs(s_ex) < 1e-15 else s_ex
        s_in = 0.0 if abs(s_in) < 1e-15 else s_in
        spiked = v >= theta_mV
        v = reset_mV if spiked else v
        left = refractory_steps if spiked else left
        return v, s_ex, i_ex, s_in, i_in, left, spiked


class IafPscAlphaSharedCurrent(NeuronModel):
    """`iaf_psc_alpha` for tau_syn_ex == tau_syn_in: the two currents obey the same equation, so their sum is kept."""

    name = IafPscAlpha.name
    summary = IafPscAlpha.summary
    citation = IafPscAlpha.citation
    integration = IafPscAlpha.integration
    equations = IafPscAlpha.equations
    parameters = IafPscAlpha.parameters
    states: tuple[State, ...] = (POTENTIAL, *alpha_states("both", "synaptic current of both ports"), REFRACTORY)
    derived = (*_MEMBRANE_CONSTANTS, *alpha_constants("both", "current"))
    receptors: tuple[Receptor, ...] = (
        Receptor("ex", "pA", "peak of the shared current", channel=0),
        Receptor("in", "pA", "peak of the shared current", channel=0),
    )

    @property
    def inputs(self) -> tuple[str, ...]:
        """One channel for both ports."""
        return ("syn",)

    def with_states(self, names: Collection[str]) -> NeuronModel:
        """With the currents of both ports beside their sum, for those who record them."""
        return self if {row.name for row in self.states}.issuperset(names) else _WATCHED_CURRENTS

    def own_initial(self, given: Values) -> Values:
        """The shared current starts at the sum of both."""
        return shared_initial(given, _SUMS)

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Propagators of the exact solution."""
        return _derive(p, dt_ms, {"both": "tau_syn_ex_ms"})

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold."""
        check_membrane(p)

    @staticmethod
    def update(
        V_m_mV: float,
        dI_syn_both_pA_per_ms: float,
        I_syn_both_pA: float,
        refractory: int,
        in_syn: float,
        I_stim: float,
        leak: float,
        P20: float,
        V_slope_both: float,
        V_current_both: float,
        fade_both: float,
        ramp_both: float,
        slope_both: float,
        I_e_pA: float,
        theta_mV: float,
        reset_mV: float,
        refractory_steps: int,
    ) -> tuple[float, float, float, int, bool]:
        """As `IafPscAlpha.update` with one current."""
        v = V_m_mV * leak + (I_e_pA + I_stim) * P20
        v = v + V_slope_both * dI_syn_both_pA_per_ms + V_current_both * I_syn_both_pA
        v = v + V_m_mV
        v = 0.0 if abs(v) < 1e-15 else v
        v = v if refractory == 0 else V_m_mV
        left = max(refractory - 1, 0)
        i = I_syn_both_pA * fade_both + dI_syn_both_pA_per_ms * ramp_both + I_syn_both_pA
        s = dI_syn_both_pA_per_ms * fade_both + in_syn * slope_both + dI_syn_both_pA_per_ms
        i = 0.0 if abs(i) < 1e-15 else i
        s = 0.0 if abs(s) < 1e-15 else s
        spiked = v >= theta_mV
        v = reset_mV if spiked else v
        left = refractory_steps if spiked else left
        return v, s, i, left, spiked


class IafPscAlphaWatchedCurrents(IafPscAlphaSharedCurrent):
    """The shared current, and beside it those of both ports, which feed nothing: they are there to be recorded."""

    states = (*IafPscAlphaSharedCurrent.states, *IafPscAlpha.states[1:5])
    receptors = (
        Receptor("ex", "pA", "peak of the shared current", channel=0, watched=1),
        Receptor("in", "pA", "peak of the shared current", channel=0, watched=2),
    )
    n_watched_inputs = 2
    watched = frozenset(row.name for row in IafPscAlpha.states[1:5])

    @property
    def inputs(self) -> tuple[str, ...]:
        """Both ports together, then each alone."""
        return ("syn", "ex", "in")

    def own_initial(self, given: Values) -> Values:
        """The shared current starts at the sum of both."""
        return {**super().own_initial(given), **{name: given[name] for name in self.watched if name in given}}

    @staticmethod
    def update(  # type: ignore[override]
        V_m_mV: float,
        dI_syn_both_pA_per_ms: float,
        I_syn_both_pA: float,
        refractory: int,
        dI_syn_ex_pA_per_ms: float,
        I_syn_ex_pA: float,
        dI_syn_in_pA_per_ms: float,
        I_syn_in_pA: float,
        in_syn: float,
        in_ex: float,
        in_in: float,
        I_stim: float,
        leak: float,
        P20: float,
        V_slope_both: float,
        V_current_both: float,
        fade_both: float,
        ramp_both: float,
        slope_both: float,
        I_e_pA: float,
        theta_mV: float,
        reset_mV: float,
        refractory_steps: int,
    ) -> tuple[float, float, float, int, float, float, float, float, bool]:
        """As `IafPscAlphaSharedCurrent.update`."""
        v = V_m_mV * leak + (I_e_pA + I_stim) * P20
        v = v + V_slope_both * dI_syn_both_pA_per_ms + V_current_both * I_syn_both_pA
        v = v + V_m_mV
        v = 0.0 if abs(v) < 1e-15 else v
        v = v if refractory == 0 else V_m_mV
        left = max(refractory - 1, 0)
        i = I_syn_both_pA * fade_both + dI_syn_both_pA_per_ms * ramp_both + I_syn_both_pA
        s = dI_syn_both_pA_per_ms * fade_both + in_syn * slope_both + dI_syn_both_pA_per_ms
        i = 0.0 if abs(i) < 1e-15 else i
        s = 0.0 if abs(s) < 1e-15 else s
        i_ex = I_syn_ex_pA * fade_both + dI_syn_ex_pA_per_ms * ramp_both + I_syn_ex_pA
        i_in = I_syn_in_pA * fade_both + dI_syn_in_pA_per_ms * ramp_both + I_syn_in_pA
        s_ex = dI_syn_ex_pA_per_ms * fade_both + in_ex * slope_both + dI_syn_ex_pA_per_ms
        s_in = dI_syn_in_pA_per_ms * fade_both + in_in * slope_both + dI_syn_in_pA_per_ms
        i_ex = 0.0 if abs(i_ex) < 1e-15 else i_ex
        i_in = 0.0 if abs(i_in) < 1e-15 else i_in
        s_ex = 0.0 if abs(s_ex) < 1e-15 else s_ex
        s_in = 0.0 if abs(s_in) < 1e-15 else s_in
        spiked = v >= theta_mV
        v = reset_mV if spiked else v
        left = refractory_steps if spiked else left
        return v, s, i, left, s_ex, i_ex, s_in, i_in, spiked


_SUMS = {
    "dI_syn_both_pA_per_ms": ("dI_syn_ex_pA_per_ms", "dI_syn_in_pA_per_ms"),
    "I_syn_both_pA": ("I_syn_ex_pA", "I_syn_in_pA"),
}
_SHARED_CURRENT = IafPscAlphaSharedCurrent()
_WATCHED_CURRENTS = IafPscAlphaWatchedCurrents()
