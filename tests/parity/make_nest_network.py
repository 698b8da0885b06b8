"""A recurrent network of 100 `iaf_psc_exp` neurons with given input spikes in NEST 3.10: the spikes of every neuron.

    python -m tests.parity.make_nest_network      # writes data/nest_network.json; needs the extra `reference`

Both simulators get the same synapses, one by one (those that dtbsim draws from the seed), and the same input spikes.
float32 resolves the potential to about 1e-4 mV: of some thousand spikes, one is so close to threshold that it shifts by
a step. The run is short enough to have none.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.networks import CHANNEL, DELAY, SOURCE, TARGET, WEIGHT, all_synapses, network_of

from dtbsim.spec import Network

DATA = Path(__file__).parent / "data" / "nest_network.json"
DT_MS = 0.1
DURATION_MS = 500.0
SIZE_E, SIZE_I = 80, 20
INPUT_HZ = 900.0
INPUT_PA = 400.0
MEMBRANE = {"C_m": 250.0, "tau_m": 10.0, "E_L": -65.0, "V_th": -50.0, "V_reset": -63.0, "t_ref": 2.0}
UNITS = {"C_m": "pF", "E_L": "mV", "V_th": "mV", "V_reset": "mV", "I_e": "pA"}
E_ONLY = {"tau_syn_ex": 0.5, "tau_syn_in": 1.5, "I_e": 180.0}
I_ONLY = {"tau_syn_ex": 0.8, "tau_syn_in": 0.5, "I_e": 190.0}


def in_dtbsim(parameters: dict[str, float]) -> str:
    """NEST's parameters under dtbsim's names, as YAML."""
    return json.dumps({f"{name}_{UNITS.get(name, 'ms')}": value for name, value in parameters.items()})


PROJECTIONS = {
    "E": """\
    rule: {kind: fixed_indegree, indegree: 16}
    weight_pA: {distribution: normal, mean: 70, sd: 10}
    delay_ms: {distribution: uniform, low: 0.1, high: 3.0}
""",
    "I": """\
    rule: {kind: pairwise_bernoulli, probability: 0.2}
    weight_pA: {distribution: uniform, low: -350, high: -250}
    delay_ms: {distribution: truncated_normal, mean: 0.8, sd: 0.4, low: 0.1}
""",
}
"""By source population."""

HEAD = f"""\
seed: 11
simulation: {{dt_ms: {DT_MS}, duration_ms: {DURATION_MS}, block_size: 16}}
populations:
  E:
    model: iaf_psc_exp
    size: {SIZE_E}
    parameters: {in_dtbsim(MEMBRANE | E_ONLY)}
    initial: {{V_m_mV: -65}}
  I:
    model: iaf_psc_exp
    size: {SIZE_I}
    parameters: {in_dtbsim(MEMBRANE | I_ONLY)}
    initial: {{V_m_mV: -65}}
projections:
"""

DRIVES = f"""\
drives:
  input_E: {{kind: spike_trains, target: E, file: input_E.npz, receptor: ex, weight_pA: {INPUT_PA}}}
  input_I: {{kind: spike_trains, target: I, file: input_I.npz, receptor: ex, weight_pA: {INPUT_PA}}}
"""

CONFIG = HEAD + "".join(
    f"  {source}{target}:\n    source: {source}\n    target: {target}\n{text}"
    for source, text in PROJECTIONS.items()
    for target in "EI"
)
CONFIG += DRIVES


def input_spikes() -> tuple[Any, Any]:
    """Neurons (gids) and times (ms, on the grid, none twice) of the input spikes."""
    n_steps = round(DURATION_MS / DT_MS)
    spiked = np.random.default_rng(20).random((SIZE_E + SIZE_I, n_steps - 2)) < INPUT_HZ * DT_MS / 1000.0
    neurons, steps = np.nonzero(spiked)
    return neurons, np.round((steps + 1) * DT_MS, 6)


def the_network(folder: Path) -> Network:
    """The compiled network; writes its input spikes into `folder`."""
    neurons, times = input_spikes()
    for name, first, size in (("E", 0, SIZE_E), ("I", SIZE_E, SIZE_I)):
        mine = (neurons >= first) & (neurons < first + size)
        np.savez(folder / f"input_{name}.npz", neuron=neurons[mine] - first, time_ms=times[mine])
    return network_of(CONFIG, base_dir=folder)


def synapses_as_numbers(network: Network) -> Any:
    """Sources and targets (gids), weights (pA) and delays (ms) of all synapses, float64[n, 4]."""
    table = all_synapses(network)
    quanta = np.array([[channel.quantum for channel in family.channels] for family in network.families])
    family_of = np.repeat([item.family for item in network.populations], [item.size for item in network.populations])
    weights = table[:, WEIGHT] * quanta[family_of[table[:, TARGET]], table[:, CHANNEL]]
    return np.stack([table[:, SOURCE], table[:, TARGET], weights, table[:, DELAY] * DT_MS], axis=1)


def digest(synapses: Any) -> str:
    """SHA-256 of a list of synapses."""
    return hashlib.sha256(np.ascontiguousarray(np.round(synapses, 9)).tobytes()).hexdigest()


def run_nest(synapses: Any) -> list[list[int]]:
    """Spike steps (1 is the step that ends at dt) of every neuron in NEST."""
    import nest

    nest.ResetKernel()
    nest.resolution = DT_MS
    neurons = nest.Create("iaf_psc_exp", SIZE_E, params=MEMBRANE | E_ONLY | {"V_m": -65.0})
    neurons += nest.Create("iaf_psc_exp", SIZE_I, params=MEMBRANE | I_ONLY | {"V_m": -65.0})
    ids = np.array(neurons.tolist())
    sources, targets = (ids[synapses[:, column].astype(int)] for column in (0, 1))
    weight_and_delay = {"weight": synapses[:, 2], "delay": synapses[:, 3]}
    nest.Connect(sources, targets, "one_to_one", {"synapse_model": "static_synapse"} | weight_and_delay)
    who, times = input_spikes()
    for gid in range(SIZE_E + SIZE_I):
        source = nest.Create("spike_generator", params={"spike_times": times[who == gid]})
        nest.Connect(source, neurons[gid], syn_spec={"weight": INPUT_PA, "delay": DT_MS})
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    nest.Simulate(DURATION_MS + DT_MS)
    events = recorder.events
    steps = np.rint(events["times"] / DT_MS).astype(int)
    last = round(DURATION_MS / DT_MS)
    return [sorted(steps[(events["senders"] == node) & (steps <= last)].tolist()) for node in ids]


def main() -> None:
    """Run NEST and write the file."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        synapses = synapses_as_numbers(the_network(Path(folder)))
    rows = ",\n".join(json.dumps(steps, separators=(",", ":")) for steps in run_nest(synapses))
    text = f'{{"nest":"3.10.0","synapses":"{digest(synapses)}","spike_steps":[\n{rows}\n]}}\n'
    DATA.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
