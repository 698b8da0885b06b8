"""Networks in the numbers of chips, the same for dtbsim and for the tools they are compared with.

It needs numpy alone, any version: `RandomState` gives the same numbers for ever (NEP 19), and the tools run in
environments of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

N_EX, N_IN = 600, 150
N_NEURONS = N_EX + N_IN
N_SYNAPSES = 82_000


@dataclass(frozen=True)
class ChipNetwork:
    """A recurrent network with spikes from outside; `delay` counts as the chip does, from 0.

    source, target, weight, delay: of every synapse, sorted by target; `weight` is a mantissa. `in_*`: the same of
    synapses from sources outside. `input`: (step, source), steps of the chip in which the source's spikes set out.
    """

    source: Any
    target: Any
    weight: Any
    delay: Any
    in_source: Any
    in_target: Any
    in_weight: Any
    in_delay: Any
    input: Any
    n_inputs: int
    n_steps: int


def loihi_network(
    *, seed: int = 1, n_steps: int = 500, max_delay: int = 7, n_inputs: int = 100, scale: float = 1.0
) -> ChipNetwork:
    """750 neurons (600 excite, 150 inhibit), 82,000 synapses with drawn weights and delays."""
    random = np.random.RandomState(seed)
    source, target = random.randint(0, N_NEURONS, N_SYNAPSES), random.randint(0, N_NEURONS, N_SYNAPSES)
    excites = source < N_EX
    weight = np.where(excites, random.randint(1, 5, N_SYNAPSES), -random.randint(5, 19, N_SYNAPSES))
    weight = np.rint(scale * weight).astype(np.int64)
    delay = random.randint(0, max_delay + 1, N_SYNAPSES)
    order = np.lexsort((delay, source, target))
    in_target = np.repeat(np.arange(N_NEURONS), 10)
    in_source = random.randint(0, max(n_inputs, 1), in_target.size)
    in_weight = random.randint(10, 60, in_target.size)
    in_delay = random.randint(0, max_delay + 1, in_target.size)
    steps, sources = np.nonzero(random.rand(n_steps, max(n_inputs, 1)) < 0.06)
    given = np.column_stack([steps, sources])
    given = given[given[:, 0] > 0]
    return ChipNetwork(
        source[order], target[order], weight[order], delay[order], in_source, in_target, in_weight, in_delay,
        given, n_inputs, n_steps,
    )  # fmt: skip


def configuration(
    net: ChipNetwork, parameters: dict[str, Any], *, unit: int = 1, model: str = "loihi_lif", shift: int = 1
) -> dict[str, Any]:
    """The network of neurons of a chip for dtbsim; weights are `unit` times the mantissas.

    A delay of d steps is one of d - `shift` on the chip, and a spike from outside that sets out in step k is sent at
    k dt.
    """

    def edges(source: Any, target: Any, weight: Any, delay: Any) -> dict[str, Any]:
        listed = {"source": source, "target": target, "weight": unit * weight, "delay_steps": delay + shift}
        return {"kind": "explicit", "edges": listed}

    given = {
        "name": "chip",
        "simulation": {"dt_ms": 1.0, "duration_ms": float(net.n_steps)},
        "populations": {"N": {"model": model, "size": N_NEURONS, "parameters": parameters}},
        "projections": {
            "NN": {"source": "N", "target": "N", "rule": edges(net.source, net.target, net.weight, net.delay)}
        },
    }
    if net.n_inputs:
        given["populations"]["S"] = {
            "model": "spike_source",
            "size": net.n_inputs,
            "spikes": {"neuron": net.input[:, 1], "time_ms": 1.0 * net.input[:, 0]},
        }
        rule = edges(net.in_source, net.in_target, net.in_weight, net.in_delay)
        given["projections"]["SN"] = {"source": "S", "target": "N", "rule": rule}
    return given


LOIHI_CASES = {
    "cuba": {"decay_u": 600, "decay_v": 200, "vth_mantissa": 2400, "refractory_steps": 3},
    "slow": {"decay_u": 37, "decay_v": 12, "vth_mantissa": 99001, "refractory_steps": 1},
    "delta": {"decay_u": 4096, "decay_v": 301, "vth_mantissa": 180, "refractory_steps": 20},
}
"""Parameters of the neurons, in the names of dtbsim."""
CORES = 25
"""Neuron n lives on core n % CORES."""
SANAFE_LOIHI = {"decay_u": 4096, "decay_v": 301, "vth_mantissa": 60, "refractory_steps": 3}
LOIHI_BIAS = np.random.RandomState(2).randint(100, 700, N_NEURONS)
"""Constant input of the neurons (exponent 0)."""
SANAFE_TRUENORTH = {"threshold": 60, "negative_threshold": 40, "reset": -3, "reset_mode": 0, "negative_saturates": 1}


def sanafe_truenorth() -> tuple[ChipNetwork, Any]:
    """The network with delays of one step, and the leaks of its neurons, which drive it."""
    net = loihi_network(seed=3, max_delay=0, n_inputs=0)
    return net, np.random.RandomState(4).randint(1, 6, N_NEURONS)


SPINNAKER_DT_MS = 1.0


def spinnaker_network() -> ChipNetwork:
    """The network with delays of 1 to 7 steps and weights in units of the ring buffer."""
    net = loihi_network(seed=5, n_inputs=0, max_delay=6, scale=60.0)
    return replace(net, delay=net.delay + 1)


def spinnaker_parameters() -> dict[str, Any]:
    """Parameters of its neurons, most of them drawn: every constant of the chip has many values."""
    random = np.random.RandomState(6)

    def drawn(low: float, high: float) -> Any:
        return np.round(random.uniform(low, high, N_NEURONS), 4)

    return {
        "cm_nF": drawn(0.2, 0.4), "tau_m_ms": drawn(8.0, 25.0), "v_rest_mV": drawn(-68.0, -62.0),
        "v_thresh_mV": drawn(-52.0, -48.0), "v_reset_mV": drawn(-75.0, -66.0), "tau_refrac_ms": drawn(0.0, 5.0),
        "tau_syn_ex_ms": drawn(0.7, 6.0), "tau_syn_in_ms": drawn(2.0, 12.0), "i_offset_nA": drawn(0.3, 0.7),
        "shift_ex": 3, "shift_in": 4,
    }  # fmt: skip


def spinnaker_configuration() -> dict[str, Any]:
    """That network for dtbsim; delays count as on the chip."""
    net = spinnaker_network()
    given = configuration(net, spinnaker_parameters(), model="spinnaker_if_curr_exp", shift=0)
    del given["projections"]["NN"]
    for port, mine in (("ex", net.weight >= 0), ("in", net.weight < 0)):
        edges = {
            "source": net.source[mine], "target": net.target[mine], "weight": abs(net.weight[mine]),
            "delay_steps": net.delay[mine],
        }  # fmt: skip
        rule = {"kind": "explicit", "edges": edges}
        given["projections"][port] = {"source": "N", "target": "N", "receptor": port, "rule": rule}
    return given
