"""Non-resetting neuron whose threshold follows spikes and potential: NEST's `amat2_psc_exp`."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from dtbsim.models.base import Constants, NeuronModel, Values, same_values
from dtbsim.models.integration import propagator_matrix
from dtbsim.models.neurons import mat2_psc_exp as mat2
from dtbsim.models.neurons.mat2_psc_exp import Mat2PscExp
from dtbsim.models.tables import Derived, Parameter, State

_SOURCES = {"V": "potential", "ex": "excitatory current", "in": "inhibitory current", "0": "constant current"}


class Amat2PscExp(Mat2PscExp):
    """NEST's `amat2_psc_exp`; here any of the time constants may be equal."""

    name = "amat2_psc_exp"
    summary = "Non-resetting leaky integrator with a threshold that adapts to spikes and potential (augmented MAT)"
    citation = (
        "Yamauchi, Kim, Shinomoto 2011 (doi:10.3389/fncom.2011.00042); Kobayashi, Tsubo, Shinomoto 2009 "
        "(doi:10.3389/neuro.10.009.2009); defaults of NEST 3.10, amat2_psc_exp"
    )
    integration = (
        mat2.INTEGRATION + "; the propagators are a matrix exponential, so equal time constants, which NEST refuses, "
        "are allowed; with beta = 0 it is mat2_psc_exp"
    )
    equations = mat2.EQUATIONS + (
        "dV_th_dv/dt = -V_th_dv / tau_v + beta dV/dt\n"
        "dV_th_v/dt = -V_th_v / tau_v + V_th_dv\n"
        "spike where V >= omega + V_th_alpha_1 + V_th_alpha_2 + V_th_v\n"
    )
    parameters = (
        *mat2.parameters(C_m_pF=200.0, tau_m_ms=10.0, omega_mV=-65.0, alpha_mV=(10.0, 0.0)),
        Parameter("tau_v_ms", "ms", 5.0, "time constant of the threshold's memory of V", low=0.0, open_low=True),
        Parameter("beta_per_ms", "1/ms", 0.0, "weight of the threshold's dependence on V"),
    )
    states = (
        *mat2.STATES,
        State("V_th_dv_mV_per_ms", "mV/ms", "change of V as the threshold remembers it, times beta"),
        State("V_th_v_mV", "mV", "component of the threshold that follows the potential"),
        mat2.LEFT,
    )
    derived = (
        *mat2.CONSTANTS,
        Derived("decay_v", "1", "decay of V_th_dv and V_th_v over one step"),
        Derived("ramp_v", "ms", "dt times the decay: V_th_dv to V_th_v"),
        *(Derived(f"dv_{x}", f"mV/ms/{'mV' if x == 'V' else 'pA'}", f"{w} to V_th_dv") for x, w in _SOURCES.items()),
        *(Derived(f"thv_{x}", f"mV/{'mV' if x == 'V' else 'pA'}", f"{w} to V_th_v") for x, w in _SOURCES.items()),
    )

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Propagators of the exact solution; linear system, for beta = 1: V_th_v, V_th_dv, V, I_ex, I_in, constant."""
        names = ("tau_m_ms", "tau_syn_ex_ms", "tau_syn_in_ms", "tau_v_ms", "C_m_pF")
        given = np.broadcast_arrays(*(np.asarray(p[name], dtype=np.float64) for name in names))
        tau_m, tau_ex, tau_in, tau_v, C = given
        rates = np.zeros((*tau_m.shape, 6, 6))
        membrane = (-1.0 / tau_m, 1.0 / C, 1.0 / C, 1.0 / C)
        rates[..., 0, 0] = rates[..., 1, 1] = -1.0 / tau_v
        rates[..., 0, 1] = 1.0
        for column, rate in enumerate(membrane, 2):
            rates[..., 1, column] = rates[..., 2, column] = rate
        rates[..., 3, 3], rates[..., 4, 4] = -1.0 / tau_ex, -1.0 / tau_in
        exact = propagator_matrix(rates, dt_ms)
        decay = np.exp(-dt_ms / p["tau_v_ms"])
        constants = Mat2PscExp.derive(self, p, dt_ms) | {"decay_v": decay, "ramp_v": dt_ms * decay}
        for column, source in enumerate(_SOURCES, 2):
            constants[f"thv_{source}"] = p["beta_per_ms"] * exact[..., 0, column]
            constants[f"dv_{source}"] = p["beta_per_ms"] * exact[..., 1, column]
        return constants

    def simplify(self, p: Values, initial: Values | None = None) -> NeuronModel:
        """Without the components that follow the potential where these are and stay 0: the same bits."""
        zeros = (self.complete(p)["beta_per_ms"], *((initial or {}).get(name, 0.0) for name in _FOLLOWING))
        return _SPIKES_ONLY if all(same_values(value, 0.0) for value in zeros) else self

    @staticmethod
    def update(  # type: ignore[override]
        V_m_mV: float,
        I_syn_ex_pA: float,
        I_syn_in_pA: float,
        V_th_alpha_1_mV: float,
        V_th_alpha_2_mV: float,
        V_th_dv_mV_per_ms: float,
        V_th_v_mV: float,
        refractory: int,
        in_ex: float,
        in_in: float,
        I_stim: float,
        leak: float,
        P21_ex: float,
        P21_in: float,
        P20: float,
        P11_ex: float,
        P11_in: float,
        I_e_pA: float,
        fade_1: float,
        fade_2: float,
        alpha_1_mV: float,
        alpha_2_mV: float,
        decay_v: float,
        ramp_v: float,
        dv_V: float,
        dv_ex: float,
        dv_in: float,
        dv_0: float,
        thv_V: float,
        thv_ex: float,
        thv_in: float,
        thv_0: float,
        theta_mV: float,
        refractory_steps: int,
    ) -> tuple[float, float, float, float, float, float, float, int, bool]:
        """Potential, threshold and currents over the step, then the comparison."""
        current = I_e_pA + I_stim
        follow = V_th_v_mV * decay_v + V_th_dv_mV_per_ms * ramp_v
        follow = follow + V_m_mV * thv_V + I_syn_ex_pA * thv_ex + I_syn_in_pA * thv_in + current * thv_0
        change = V_th_dv_mV_per_ms * decay_v
        change = change + V_m_mV * dv_V + I_syn_ex_pA * dv_ex + I_syn_in_pA * dv_in + current * dv_0
        follow = 0.0 if abs(follow) < 1e-15 else follow
        change = 0.0 if abs(change) < 1e-15 else change
        v = V_m_mV * leak + I_syn_ex_pA * P21_ex + I_syn_in_pA * P21_in + current * P20 + V_m_mV
        v = 0.0 if abs(v) < 1e-15 else v
        i_ex = I_syn_ex_pA * P11_ex + in_ex
        i_in = I_syn_in_pA * P11_in + in_in
        i_ex = 0.0 if abs(i_ex) < 1e-15 else i_ex
        i_in = 0.0 if abs(i_in) < 1e-15 else i_in
        fast = V_th_alpha_1_mV * fade_1 + V_th_alpha_1_mV
        slow = V_th_alpha_2_mV * fade_2 + V_th_alpha_2_mV
        fast = 0.0 if abs(fast) < 1e-15 else fast
        slow = 0.0 if abs(slow) < 1e-15 else slow
        spiked = refractory == 0 and v >= theta_mV + slow + fast + follow
        fast = fast + alpha_1_mV if spiked else fast
        slow = slow + alpha_2_mV if spiked else slow
        left = refractory_steps if spiked else max(refractory - 1, 0)
        return v, i_ex, i_in, fast, slow, change, follow, left, spiked


class Amat2PscExpSpikesOnly(Mat2PscExp):
    """`amat2_psc_exp` for beta = 0."""

    name = Amat2PscExp.name
    summary = Amat2PscExp.summary
    citation = Amat2PscExp.citation
    integration = Amat2PscExp.integration
    equations = Amat2PscExp.equations
    parameters = Amat2PscExp.parameters

    def with_states(self, names: Collection[str]) -> NeuronModel:
        """All components, those that are 0, too, for those who record them."""
        return self if _FOLLOWING.isdisjoint(names) else _EVERYTHING

    def own_initial(self, given: Values) -> Values:
        """The components that are left out start at 0."""
        return {name: value for name, value in given.items() if name not in _FOLLOWING}


_FOLLOWING = frozenset({"V_th_dv_mV_per_ms", "V_th_v_mV"})
_EVERYTHING = Amat2PscExp()
_SPIKES_ONLY = Amat2PscExpSpikesOnly()
