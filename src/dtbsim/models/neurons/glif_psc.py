"""Generalised leaky integrate-and-fire neurons of the Allen Institute: NEST's `glif_psc`, one model per mechanism."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.integration import refractory_steps
from dtbsim.models.language.subset import function_from_text
from dtbsim.models.neurons.iaf_common import POTENTIAL, REFRACTORY, check_membrane, check_port_names
from dtbsim.models.neurons.iaf_psc_alpha import ALPHA_EQUATIONS, alpha_constants, alpha_states, derive_alpha
from dtbsim.models.tables import Current, Derived, Parameter, Receptor, State

_INTEGRATION = (
    "exact integration (Rotter and Diesmann 1999): V is advanced with the currents at the start of the step{detail}; "
    "spikes that arrive at the end of the step are added to the slopes s; a neuron with V above (not at) the threshold "
    "at the end of a step spikes there and is reset; V{held} then stays for ceil(t_ref / dt) steps while the synaptic "
    "currents go on; V - E_L, currents and threshold_spike below 1e-15 are set to 0"
)
_SYNAPSES = ALPHA_EQUATIONS.format(ports="   every port x")
_PARAMETERS = (
    Parameter("C_m_pF", "pF", 58.72, "membrane capacitance", low=0.0, open_low=True),
    Parameter("g_nS", "nS", 9.43, "membrane conductance", low=0.0, open_low=True),
    Parameter("E_L_mV", "mV", -78.85, "resting potential"),
    Parameter("V_th_mV", "mV", -51.68, "threshold far from spikes"),
    Parameter("t_ref_ms", "ms", 3.75, "refractory period, rounded up to whole steps", low=0.0, open_low=True),
    Parameter("I_e_pA", "pA", 0.0, "constant input current (NEST's glif_psc has none)"),
)
"""Defaults are those of NEST 3.10: cell 490626718 of the Allen Cell Types Database."""
_CONSTANTS = (
    Derived("leak", "1", "relative change of the potential over one step, exp(-dt g / C_m) - 1"),
    Derived("P20", "mV/pA", "constant current to potential"),
    Derived("theta_mV", "mV", "V_th - E_L"),
    Derived("refractory_steps", "steps", "t_ref in steps", dtype="i32"),
)

_WORD = re.compile(r"\w+")
_PORT_BEFORE = ("v = v + V_slope_{x} * dI_syn_{x}_pA_per_ms + V_current_{x} * I_syn_{x}_pA",)
_PORT_AFTER = (
    "i_{x} = I_syn_{x}_pA * fade_{x} + dI_syn_{x}_pA_per_ms * ramp_{x} + I_syn_{x}_pA",
    "s_{x} = dI_syn_{x}_pA_per_ms * fade_{x} + in_{x} * slope_{x} + dI_syn_{x}_pA_per_ms",
    "i_{x} = 0.0 if abs(i_{x}) < 1e-15 else i_{x}",
    "s_{x} = 0.0 if abs(s_{x}) < 1e-15 else s_{x}",
)


class GlifPsc(NeuronModel):
    """Membrane and alpha currents of the family; a subclass adds tables and the lines of its mechanism.

    `receptors` maps port names to the default of their time constant tau_syn_<port>_ms, in order.
    """

    citation = "Teeter et al. 2018 (doi:10.1038/s41467-017-02717-4); defaults of NEST 3.10, glif_psc"
    own_parameters: tuple[Parameter, ...]
    own_states: tuple[State, ...] = ()
    own_derived: tuple[Derived, ...]
    current: str = ""
    """What is added to the input current, in `update`."""
    threshold: str = "theta_mV"
    reset: str = "reset_mV"
    before: tuple[str, ...] = ()
    """Lines of `update` before the comparison, and after it; `results` are the new values of `own_states`."""
    after: tuple[str, ...] = ()
    results: tuple[str, ...] = ()

    def __init__(self, receptors: Mapping[str, float]) -> None:
        check_port_names(receptors)
        self._ports = tuple(receptors)
        taus = (
            Parameter(f"tau_syn_{x}_ms", "ms", tau, f"time to peak of the current of port {x}", low=0.0, open_low=True)
            for x, tau in receptors.items()
        )
        self.parameters = (*_PARAMETERS, *self.own_parameters, *taus)
        synapses = (row for x in self._ports for row in alpha_states(x, f"synaptic current of port {x}"))
        self.states = (POTENTIAL, *self.own_states, *synapses, REFRACTORY)
        propagators = (row for x in self._ports for row in alpha_constants(x, f"current of port {x}"))
        self.derived = (*_CONSTANTS, *self.own_derived, *propagators)
        self.synaptic_currents = tuple(Current(f"I_syn_{port}_pA") for port in self._ports)
        self.receptors = tuple(
            Receptor(x, "pA", f"peak of a current with tau_syn_{x}_ms; weights of either sign", channel)
            for channel, x in enumerate(self._ports)
        )
        self.update = function_from_text(self._text(), f"{self.name}({', '.join(self._ports)})")  # type: ignore[method-assign]

    def _text(self) -> str:
        def each(lines: tuple[str, ...]) -> list[str]:
            return [line.format(x=x) for x in self._ports for line in lines]

        results = ["v", *self.results, *each(("s_{x}", "i_{x}")), "left", "spiked"]
        body = [
            f"current = I_e_pA + I_stim{self.current}",
            "v = V_m_mV * leak + current * P20",
            *each(_PORT_BEFORE),
            "v = v + V_m_mV",
            "v = 0.0 if abs(v) < 1e-15 else v",
            *self.before,
            f"spiked = refractory == 0 and v > {self.threshold}",
            "v = v if refractory == 0 else V_m_mV",
            f"v = {self.reset} if spiked else v",
            *self.after,
            *each(_PORT_AFTER),
            "left = refractory_steps if spiked else max(refractory - 1, 0)",
            f"return {', '.join(results)}",
        ]
        used = set(_WORD.findall(" ".join(body)))
        names = [row.name for row in self.states] + each(("in_{x}",)) + ["I_stim"]
        names += [row.name for row in self.parameters] + [row.name for row in self.derived]
        lines = ["def update(", *(f"    {name}," for name in names if name in used), "):", *(f"    {x}" for x in body)]
        return "\n".join(lines) + "\n"

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Propagators of the exact solution."""
        tau_m = p["C_m_pF"] / p["g_nS"]
        leak = np.expm1(-dt_ms / tau_m)
        constants: Constants = {
            "leak": leak,
            "P20": -leak / p["g_nS"],
            "theta_mV": p["V_th_mV"] - p["E_L_mV"],
            "refractory_steps": refractory_steps(p["t_ref_ms"], dt_ms),
        }
        for x in self._ports:
            constants |= derive_alpha(x, p[f"tau_syn_{x}_ms"], tau_m, p["C_m_pF"], dt_ms)
        return constants | self.derive_own(p, dt_ms)

    def derive_own(self, p: Values, dt_ms: float) -> Constants:
        """Return the constants of `own_derived`: here those of a fixed reset."""
        return {"reset_mV": p["V_reset_mV"] - p["E_L_mV"]}


_V_RESET = Parameter("V_reset_mV", "mV", -78.85, "potential after a spike and during refractoriness")
_RESET = Derived("reset_mV", "mV", "V_reset - E_L")


class Glif1Psc(GlifPsc):
    """NEST's `glif_psc` without mechanisms: LIF."""

    name = "glif1_psc"
    summary = "GLIF 1 (LIF): leaky integrate-and-fire neuron with any number of named alpha current ports"
    integration = _INTEGRATION.format(detail="", held="")
    equations = (
        "C_m dV/dt = -g (V - E_L) + sum_x I_x + I_e + I_stim\n" + _SYNAPSES + "spike where V > V_th:  V = V_reset\n"
    )
    own_parameters = (_V_RESET,)
    own_derived = (_RESET,)

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold."""
        check_membrane(p)


class Glif2Psc(GlifPsc):
    """NEST's `glif_psc` with `spike_dependent_threshold`: LIF-R."""

    name = "glif2_psc"
    summary = "GLIF 2 (LIF-R): reset to a share of the potential, threshold raised by spikes; named alpha current ports"
    integration = _INTEGRATION.format(detail="", held=" with threshold_spike") + (
        "; where the reset lies above the threshold, the neuron spikes again at the end of refractoriness"
    )
    equations = (
        "C_m dV/dt = -g (V - E_L) + sum_x I_x + I_e + I_stim\n" + _SYNAPSES + "dthreshold_spike/dt = -th_spike_decay "
        "threshold_spike\n"
        "spike where V > V_th + threshold_spike:\n"
        "  V = E_L + voltage_reset_fraction (V_before - E_L) + voltage_reset_add   (V_before: one step earlier)\n"
        "  threshold_spike = threshold_spike exp(-th_spike_decay t_ref) + th_spike_add\n"
    )
    own_parameters = (
        Parameter("th_spike_add_mV", "mV", 0.37, "jump of threshold_spike at a spike (delta Theta_s)"),
        Parameter(
            "th_spike_decay_per_ms", "1/ms", 0.009, "decay rate of threshold_spike (b_s)", low=0.0, open_low=True
        ),
        Parameter("voltage_reset_fraction", "1", 0.2, "share of V - E_L that a reset keeps (f_v)", low=0.0, high=1.0),
        Parameter("voltage_reset_add_mV", "mV", 18.51, "potential that a reset adds (-delta V)"),
    )
    own_states = (State("threshold_spike_mV", "mV", "part of the threshold that follows spikes"),)
    own_derived = (
        Derived("fade_spike", "1", "relative change of threshold_spike over one step"),
        Derived("kept_spike", "1", "share of threshold_spike that is left after t_ref"),
    )
    before = (
        "raised = threshold_spike_mV * fade_spike + threshold_spike_mV",
        "raised = raised if refractory == 0 else threshold_spike_mV",
        "raised = 0.0 if abs(raised) < 1e-15 else raised",
    )
    threshold = "theta_mV + raised"
    reset = "voltage_reset_fraction * V_m_mV + voltage_reset_add_mV"
    after = ("raised = raised * kept_spike + th_spike_add_mV if spiked else raised",)
    results = ("raised",)

    def derive_own(self, p: Values, dt_ms: float) -> Constants:
        """Decay over a step and over the refractory period."""
        rate = p["th_spike_decay_per_ms"]
        return {"fade_spike": np.expm1(-rate * dt_ms), "kept_spike": np.exp(-rate * p["t_ref_ms"])}


class Glif3Psc(GlifPsc):
    """NEST's `glif_psc` with `after_spike_currents`, two of them: LIF-ASC."""

    name = "glif3_psc"
    summary = (
        "GLIF 3 (LIF-ASC): leaky integrate-and-fire neuron with two after-spike currents; named alpha current ports"
    )
    integration = _INTEGRATION.format(
        detail=" and the mean of the after-spike currents in it", held=" with the after-spike currents"
    )
    equations = (
        "C_m dV/dt = -g (V - E_L) + sum_x I_x + sum_j ASCurrent_j + I_e + I_stim,   j = 1, 2\n"
        + _SYNAPSES
        + "dASCurrent_j/dt = -asc_decay_j ASCurrent_j\n"
        "spike where V > V_th:  V = V_reset,  ASCurrent_j = asc_r_j exp(-asc_decay_j t_ref) ASCurrent_j + asc_amps_j\n"
    )
    own_parameters = (
        _V_RESET,
        *(
            row
            for j, amplitude, decay in ((1, -9.18, 0.003), (2, -198.94, 0.1))
            for row in (
                Parameter(
                    f"asc_amps_{j}_pA", "pA", amplitude, f"after-spike current {j} that a spike adds (delta I_{j})"
                ),
                Parameter(f"asc_decay_{j}_per_ms", "1/ms", decay, f"decay rate of it (k_{j})", low=0.0, open_low=True),
                Parameter(f"asc_r_{j}", "1", 1.0, f"share of it that a spike leaves (f_{j})", low=0.0, high=1.0),
            )
        ),
    )
    own_states = tuple(State(f"ASCurrent_{j}_pA", "pA", f"after-spike current {j}") for j in (1, 2))
    own_derived = (
        _RESET,
        *(
            row
            for j in (1, 2)
            for row in (
                Derived(f"asc_mean_{j}", "1", f"mean of after-spike current {j} in a step over its start"),
                Derived(f"asc_fade_{j}", "1", f"relative change of after-spike current {j} over one step"),
                Derived(f"asc_kept_{j}", "1", f"share of after-spike current {j} that is left after a spike and t_ref"),
            )
        ),
    )
    current = " + asc_mean_1 * ASCurrent_1_pA + asc_mean_2 * ASCurrent_2_pA"
    before = tuple(
        line.format(j=j)
        for j in (1, 2)
        for line in (
            "a{j} = ASCurrent_{j}_pA * asc_fade_{j} + ASCurrent_{j}_pA",
            "a{j} = a{j} if refractory == 0 else ASCurrent_{j}_pA",
            "a{j} = 0.0 if abs(a{j}) < 1e-15 else a{j}",
        )
    )
    after = tuple(f"a{j} = a{j} * asc_kept_{j} + asc_amps_{j}_pA if spiked else a{j}" for j in (1, 2))
    results = ("a1", "a2")

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold."""
        check_membrane(p)

    def derive_own(self, p: Values, dt_ms: float) -> Constants:
        """Reset, and mean, decay and share of each after-spike current."""
        return super().derive_own(p, dt_ms) | _after_spike_constants(p, dt_ms)


def _after_spike_constants(p: Values, dt_ms: float) -> Constants:
    """Mean, decay and share of each after-spike current."""
    constants: Constants = {}
    for j in (1, 2):
        rate = p[f"asc_decay_{j}_per_ms"]
        constants[f"asc_fade_{j}"] = np.expm1(-rate * dt_ms)
        constants[f"asc_mean_{j}"] = -np.expm1(-rate * dt_ms) / (rate * dt_ms)
        constants[f"asc_kept_{j}"] = p[f"asc_r_{j}"] * np.exp(-rate * p["t_ref_ms"])
    return constants


_CURRENTS = "C_m dV/dt = -g (V - E_L) + sum_x I_x + sum_j ASCurrent_j + I_e + I_stim,   j = 1, 2\n"
_RESETS = (
    "  V = E_L + voltage_reset_fraction (V_before - E_L) + voltage_reset_add   (V_before: one step earlier)\n"
    "  threshold_spike = threshold_spike exp(-th_spike_decay t_ref) + th_spike_add\n"
    "  ASCurrent_j = asc_r_j exp(-asc_decay_j t_ref) ASCurrent_j + asc_amps_j\n"
)


class Glif4Psc(GlifPsc):
    """NEST's `glif_psc` with `spike_dependent_threshold` and `after_spike_currents`: LIF-R-ASC."""

    name = "glif4_psc"
    summary = (
        "GLIF 4 (LIF-R-ASC): the resets of GLIF 2 and the after-spike currents of GLIF 3; named alpha current ports"
    )
    integration = _INTEGRATION.format(
        detail=" and the mean of the after-spike currents in it",
        held=" with threshold_spike and the after-spike currents",
    )
    equations = (
        _CURRENTS + _SYNAPSES + "dthreshold_spike/dt = -th_spike_decay threshold_spike\n"
        "dASCurrent_j/dt = -asc_decay_j ASCurrent_j\nspike where V > V_th + threshold_spike:\n" + _RESETS
    )
    own_parameters = (*Glif2Psc.own_parameters, *Glif3Psc.own_parameters[1:])
    own_states: tuple[State, ...] = (*Glif2Psc.own_states, *Glif3Psc.own_states)
    own_derived = (*Glif2Psc.own_derived, *Glif3Psc.own_derived[1:])
    current = Glif3Psc.current
    before: tuple[str, ...] = (*Glif2Psc.before, *Glif3Psc.before)
    threshold = Glif2Psc.threshold
    reset = Glif2Psc.reset
    after = (*Glif2Psc.after, *Glif3Psc.after)
    results: tuple[str, ...] = (*Glif2Psc.results, *Glif3Psc.results)

    def derive_own(self, p: Values, dt_ms: float) -> Constants:
        """Those of both mechanisms."""
        rate = p["th_spike_decay_per_ms"]
        kept = {"fade_spike": np.expm1(-rate * dt_ms), "kept_spike": np.exp(-rate * p["t_ref_ms"])}
        return kept | _after_spike_constants(p, dt_ms)


class Glif5Psc(Glif4Psc):
    """NEST's `glif_psc` with `adapting_threshold`, too: LIF-R-ASC-A."""

    name = "glif5_psc"
    summary = "GLIF 5 (LIF-R-ASC-A): GLIF 4 with a threshold that follows the potential; named alpha current ports"
    integration = (
        _INTEGRATION.format(
            detail=" and the mean of the after-spike currents in it",
            held=" with both parts of the threshold and the after-spike currents",
        )
        + "; threshold_voltage is exact for the constant currents of the step and, as in NEST, without synaptic ones"
    )
    equations = (
        _CURRENTS + _SYNAPSES + "dthreshold_spike/dt = -th_spike_decay threshold_spike\n"
        "dthreshold_voltage/dt = th_voltage_index (V - E_L) - th_voltage_decay threshold_voltage\n"
        "dASCurrent_j/dt = -asc_decay_j ASCurrent_j\n"
        "spike where V > V_th + threshold_spike + threshold_voltage:\n" + _RESETS
    )
    own_parameters = (
        *Glif4Psc.own_parameters,
        Parameter("th_voltage_index_per_ms", "1/ms", 0.005, "how strongly the threshold follows V - E_L (a_v)"),
        Parameter(
            "th_voltage_decay_per_ms", "1/ms", 0.09, "decay rate of threshold_voltage (b_v)", low=0.0, open_low=True
        ),
    )
    own_states = (
        *Glif4Psc.own_states,
        State("threshold_voltage_mV", "mV", "part of the threshold that follows the potential"),
    )
    own_derived = (
        *Glif4Psc.own_derived,
        Derived("per_g", "1/nS", "current to the potential that it would lead to"),
        Derived("fade_voltage", "1", "relative change of threshold_voltage over one step"),
        Derived("follow_decay", "1", "what threshold_voltage takes of the part of V that decays"),
        Derived("follow_current", "1", "what it takes of the potential that the current would lead to"),
    )
    before = (
        *Glif4Psc.before,
        "goal = current * per_g",
        "lifted = threshold_voltage_mV * fade_voltage + (V_m_mV - goal) * follow_decay + goal * follow_current "
        "+ threshold_voltage_mV",
        "lifted = lifted if refractory == 0 else threshold_voltage_mV",
        "lifted = 0.0 if abs(lifted) < 1e-15 else lifted",
    )
    threshold = "theta_mV + raised + lifted"
    results = (*Glif4Psc.results, "lifted")

    def derive_own(self, p: Values, dt_ms: float) -> Constants:
        """Those of GLIF 4, and the exact solution of threshold_voltage while V relaxes under a constant current."""
        index, decay, leak = p["th_voltage_index_per_ms"], p["th_voltage_decay_per_ms"], p["g_nS"] / p["C_m_pF"]
        apart = np.asarray((leak - decay) * dt_ms, np.float64)
        near = np.abs(apart) < 1e-12
        shape = np.where(near, 1.0, -np.expm1(-apart) / np.where(near, 1.0, apart))
        return super().derive_own(p, dt_ms) | {
            "per_g": 1.0 / np.asarray(p["g_nS"], np.float64),
            "fade_voltage": np.expm1(-decay * dt_ms),
            "follow_decay": index * dt_ms * np.exp(-decay * dt_ms) * shape,
            "follow_current": -index / decay * np.expm1(-decay * dt_ms),
        }
