"""The compiled engine against a plain simulator in Python: the same spikes and the same recorded states, exactly."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import DELAY, SOURCE, WEIGHT, built_rank, network_of, spikes_of, synapses_of
from tests.helpers.reference_engine import ReferenceEngine
from tests.helpers.zoo import ZOO, zoo

from dtbsim.backends.cpu import CpuBackend
from dtbsim.kernels import layout as L
from dtbsim.models.neurons.iaf_psc_exp import IafPscExp
from dtbsim.spec import Network

TWO_PORTS = """\
simulation: {dt_ms: 0.1, duration_ms: 250, block_size: 16}
seed: 5
populations:
  E:
    model: iaf_psc_exp
    size: 40
    parameters: {tau_syn_ex_ms: 1.5, tau_syn_in_ms: 6.0, tau_m_ms: {distribution: uniform, low: 8, high: 14}}
    initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}, I_syn_in_pA: -20}
  I: {model: iaf_psc_exp, size: 12, parameters: {tau_syn_ex_ms: 1.0, tau_syn_in_ms: 4.0, t_ref_ms: 1.25}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 8}
    weight_pA: {distribution: lognormal, mean: 90, sd: 50}
    delay_ms: {distribution: uniform, low: 0.1, high: 3.2}
  EI: {source: E, target: I, rule: {kind: pairwise_bernoulli, probability: 0.4}, weight_pA: 70, delay_ms: 0.1}
  IE:
    source: I
    target: E
    rule: {kind: fixed_total_number, total: 250}
    weight_pA: {distribution: truncated_normal, mean: -150, sd: 60, high: 0}
    delay_ms: {distribution: exponential, mean: 0.6, low: 0.2}
  II: {source: I, target: I, rule: {kind: all_to_all}, weight_pA: -60, delay_ms: 1.6}
drives:
  bg: {kind: poisson, target: [E, I], receptor: ex, rate_hz: 9000, weight_pA: 60}
  noise: {kind: poisson, target: E, receptor: in, rate_hz: 900, weight_pA: -80, start_ms: 20.3, stop_ms: 180.7}
record:
  states:
    - {population: E, variables: [V_m_mV, I_syn_ex_pA, I_syn_in_pA, refractory], neurons: [0, 7, 39]}
    - {population: I, variables: [I_syn_in_pA, V_m_mV], neurons: 2}
"""

MULTISYNAPSE = """\
simulation: {dt_ms: 0.2, duration_ms: 400, block_size: 16}
populations:
  P:
    model: iaf_psc_exp_multisynapse
    size: 27
    receptors: {ampa: 2.0, nmda: 80.0, gaba: 5.0}
    parameters: {C_m_pF: {distribution: normal, mean: 220, sd: 10}, E_L_mV: -68}
  Q: {model: iaf_psc_exp_multisynapse, size: 6, receptors: {ampa: 1.0, gaba: 8.0}, initial: {V_m_mV: -57}}
projections:
  PP:
    source: P
    target: P
    rule: {kind: fixed_indegree, indegree: 7, autapses: false, multapses: false}
    receptor: {ampa: 0.6, nmda: 0.012}
    weight_pA: {distribution: normal, mean: 110, sd: 25}
    delay_ms: {distribution: uniform, low: 0.2, high: 2}
  PQ: {source: P, target: Q, rule: {kind: fixed_indegree, indegree: 9}, receptor: ampa, weight_pA: 100, delay_ms: 1}
  QP: {source: Q, target: P, rule: {kind: fixed_indegree, indegree: 4}, receptor: gaba, weight_pA: -90, delay_ms: 0.6}
  QQ:
    source: Q
    target: Q
    rule: {kind: one_to_one}
    receptor: {ampa: 0.1, gaba: 0.9}
    weight_pA: -30
    delay_ms: 0.2
drives:
  fast: {kind: poisson, target: P, receptor: ampa, rate_hz: 3000, weight_pA: 90}
  slow: {kind: poisson, target: P, receptor: nmda, rate_hz: 500, weight_pA: 2}
  all: {kind: poisson, target: Q, receptor: ampa, rate_hz: 9000, weight_pA: 50}
record:
  states:
    - {population: P, variables: [V_m_mV, I_syn_ampa_pA, I_syn_nmda_pA, I_syn_gaba_pA], neurons: [1, 26]}
"""

IZHIKEVICH = """\
simulation: {dt_ms: 0.5, duration_ms: 1100, block_size: 16}
populations:
  RS:
    model: izhikevich
    size: 32
    parameters: {d: {distribution: uniform, low: 2, high: 8}, c_mV: {distribution: uniform, low: -65, high: -50}}
    initial: {V_m_mV: {distribution: normal, mean: -62, sd: 3}}
  FS: {model: izhikevich, size: 8, parameters: {a: 0.1, d: 2}}
projections:
  EE:
    source: RS
    target: RS
    rule: {kind: fixed_indegree, indegree: 8}
    weight_mV: {distribution: uniform, low: 0, high: 1.0}
    delay_ms: {distribution: uniform, low: 0.5, high: 10}
  EI: {source: RS, target: FS, rule: {kind: fixed_indegree, indegree: 12}, weight_mV: 0.6, delay_ms: 0.5}
  IE: {source: FS, target: RS, rule: {kind: all_to_all}, weight_mV: -0.8, delay_ms: 1.0}
drives:
  bg: {kind: poisson, target: [RS, FS], rate_hz: 1500, weight_mV: 2.2}
record:
  states:
    - {population: RS, variables: [u, V_m_mV], neurons: 3}
    - {population: FS, variables: [V_m_mV], neurons: [7], interval_ms: 2.5}
"""

CURRENTS = """\
simulation: {dt_ms: 0.1, duration_ms: 220, block_size: 16}
populations:
  N: {model: iaf_psc_exp, size: 36, parameters: {V_th_mV: {distribution: uniform, low: -56, high: -53}}}
  Z: {model: izhikevich, size: 8}
  S: {model: spike_source, size: 6, spikes_file: source.csv, off_grid_spikes: nearest}
projections:
  NN:
    source: N
    target: N
    rule: {kind: fixed_indegree, indegree: 5}
    weight_pA: {distribution: uniform, low: -60, high: 80}
    receptor: ex
    delay_ms: {distribution: uniform, low: 0.1, high: 0.9}
  SN: {source: S, target: N, rule: {kind: pairwise_bernoulli, probability: 0.5}, weight_pA: 300, delay_ms: 0.7}
  NZ: {source: N, target: Z, rule: {kind: fixed_indegree, indegree: 3}, weight_mV: 2, delay_ms: 0.4}
drives:
  dc: {kind: dc, target: [N, Z], amplitude: 6.5, start_ms: 10, stop_ms: 200}
  more: {kind: dc, target: N, amplitude: 350}
  sine: {kind: sinusoidal, target: [N, Z], amplitude: 4, frequency_hz: 37, phase_deg: 40, offset: 1.5, start_ms: 31.4}
  train: {kind: spike_trains, target: N, file: train.csv, off_grid_spikes: nearest, weight_pA: -250, start_ms: 15}
record:
  states:
    - {population: N, variables: [V_m_mV], neurons: [0, 5]}
    - {population: Z, variables: [V_m_mV, u], neurons: 2}
"""

WIDE = """\
simulation: {dt_ms: 0.1, duration_ms: 210, block_size: 16}
populations: {A: {model: iaf_psc_exp, size: 40, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}}
projections:
  strong: {source: A, target: A, rule: {kind: fixed_indegree, indegree: STRONG}, weight_pA: 400, delay_ms: 1.1}
  weak:
    source: A
    target: A
    rule: {kind: fixed_indegree, indegree: 20}
    weight_pA: {distribution: exponential, mean: 0.4}
    delay_ms: {distribution: uniform, low: 0.5, high: 4}
  away: {source: A, target: A, rule: {kind: fixed_indegree, indegree: STRONG}, weight_pA: -410, delay_ms: 1.2}
drives:
  dc: {kind: dc, target: A, amplitude: 390}
  bg: {kind: poisson, target: A, receptor: ex, rate_hz: RATE, weight_pA: WEIGHT}
record: {states: [{population: A, variables: [V_m_mV, I_syn_ex_pA, I_syn_in_pA], neurons: [3, 30]}]}
"""


def wide(strong: int, rate: int, weight: float) -> str:
    return WIDE.replace("STRONG", str(strong)).replace("RATE", str(rate)).replace("WEIGHT", str(weight))


ONE_KIND = """\
simulation: {dt_ms: 0.1, duration_ms: 210, block_size: 16}
populations:
  A: {model: iaf_psc_exp, size: 20, initial: {V_m_mV: -60}}
  Z: {model: izhikevich, size: 7}
  B: {model: iaf_psc_exp, size: 25, initial: {V_m_mV: {distribution: uniform, low: -70, high: -58}}}
projections:
  AB: {source: A, target: B, rule: {kind: fixed_indegree, indegree: 6}, weight_pA: 80, delay_ms: 0.8}
  BA: {source: B, target: A, rule: {kind: fixed_indegree, indegree: 6}, weight_pA: 80, delay_ms: 1.4}
  BZ: {source: B, target: Z, rule: {kind: fixed_indegree, indegree: 4}, weight_mV: 3, delay_ms: 2}
drives:
  bg: {kind: poisson, target: [A, B], rate_hz: 9000, weight_pA: 40}
  dc: {kind: dc, target: [A, B], amplitude: 150}
record:
  states:
    - {population: A, variables: [V_m_mV], neurons: 2}
    - {population: B, variables: [I_syn_in_pA, V_m_mV], neurons: [24]}
"""

CASES: dict[str, tuple[str, int, int]] = {
    "two ports, Poisson drive, mixed delays": (TWO_PORTS, L.KIND_PACKED, 400),
    "receptor mixes": (MULTISYNAPSE, L.KIND_PACKED, 400),
    "Izhikevich": (IZHIKEVICH, L.KIND_PACKED, 200),
    "two populations in one loop": (ONE_KIND, L.KIND_PACKED, 200),
    "currents and listed spikes": (CURRENTS, L.KIND_PACKED, 200),
    "32-bit weights": (wide(3, 9000, 0.9), L.KIND_WIDE32, 200),
    "64-bit sums by in-degree": (wide(70, 9000, 0.9), L.KIND_WIDE64, 200),
    "64-bit sums by drive": (wide(3, 150, 300.0), L.KIND_WIDE64, 200),
}
"""Configuration, synapse format that it must have, spikes that it must have at least."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(2)
    for name, n, size in (("source.csv", 150, 6), ("train.csv", 600, 36)):
        rows = [f"{draw.integers(0, size)},{time:.3f}" for time in np.sort(draw.uniform(0.1, 219, n))]
        (tmp_path / name).write_text("\n".join(["neuron,time_ms", *rows, rows[-1]]), encoding="utf-8")
    return tmp_path


class Compared:
    """A run of the compiled engine with everything that the reference needs."""

    def __init__(self, network: Network) -> None:
        self.network = network
        built = built_rank(network, threads=2)
        self.synapses = synapses_of(built)
        self.kinds = {state.rows.kind for state in built.lanes}
        backend = CpuBackend(built, None, 2)
        backend.advance(0, network.n_steps)
        self.spikes = spikes_of(backend)
        self.samples = [backend.sampler.take(k) for k in range(network.records.states)]
        self.sampled = backend.sampler.records
        backend.close()
        self.watched = {int(gid): record.variables for record in self.sampled for gid in record.gids}

    def reference(self, synapses: Any = None, update: dict[str, Callable[..., Any]] | None = None) -> Any:
        """Spikes of the reference; its recorded states are kept."""
        synapses = self.synapses if synapses is None else synapses
        self.engine = ReferenceEngine(self.network, synapses, self.watched, update)
        return self.engine.run()

    def different_samples(self) -> int:
        """How many recorded values differ from those of the last reference."""
        wrong = 0
        for record, (steps, values) in zip(self.sampled, self.samples, strict=True):
            assert values.shape == (len(steps), record.gids.size, len(record.variables))
            for k, gid in enumerate(record.gids.tolist()):
                expected = np.array(self.engine.states[gid], np.float32)[steps]
                wrong += int((expected != values[:, k]).sum())
        return wrong


@pytest.mark.parametrize("name", list(CASES))
def test_spikes_and_states_are_those_of_the_reference(folder: Path, name: str) -> None:
    text, kind, least = CASES[name]
    network = network_of(text, base_dir=folder)
    assert network.n_steps >= 2000
    run = Compared(network)
    assert run.kinds == {kind}
    assert len(run.spikes) >= least
    assert np.array_equal(run.spikes, run.reference())
    assert run.different_samples() == 0
    assert sum(values.size for _, values in run.samples) > 3000


def test_a_network_of_everything(tmp_path: Path) -> None:
    text = ZOO.replace("duration_ms: 60", "duration_ms: 40")
    run = Compared(zoo(tmp_path, text=text))
    assert len(run.spikes) > 500
    assert np.array_equal(run.spikes, run.reference())


# -- the comparison can fail ------------------------------------------------------------------------------------------


SMALL = TWO_PORTS.replace("duration_ms: 250", "duration_ms: 120").replace("neurons: [0, 7, 39]", "neurons: 40")


@pytest.fixture(scope="module")
def small() -> Compared:
    run = Compared(network_of(SMALL))
    assert np.array_equal(run.spikes, run.reference())
    assert run.different_samples() == 0
    return run


def busiest(run: Compared) -> int:
    """Row of the strongest synapse, of 2 to 30 steps, of the excitatory neuron that fires most."""
    sources, counts = np.unique(run.spikes[:, 1], return_counts=True)
    source = sources[np.where(sources < 39, counts, 0).argmax()]
    found = (run.synapses[:, SOURCE] == source) & (run.synapses[:, DELAY] > 1) & (run.synapses[:, DELAY] < 31)
    rows = np.flatnonzero(found)
    return int(rows[run.synapses[rows, WEIGHT].argmax()])


@pytest.mark.parametrize(("column", "by"), [(DELAY, 1), (DELAY, -1), (SOURCE, 1), (WEIGHT, 1)])
def test_one_wrong_synapse_is_seen(small: Compared, column: int, by: int) -> None:
    """In the states at once; in the spikes where the error is large enough to move one."""
    synapses = small.synapses.copy()
    synapses[busiest(small), column] += by
    spikes = small.reference(synapses)
    assert small.different_samples() > 100
    if (column, by) in ((DELAY, 1), (SOURCE, 1)):
        assert not np.array_equal(spikes, small.spikes)


def test_a_wrong_seed_is_seen(small: Compared) -> None:
    other = network_of(SMALL, "seed=6")
    assert not np.array_equal(ReferenceEngine(other, small.synapses).run(), small.spikes)


EDGE = """\
simulation: {dt_ms: 0.1, duration_ms: 30}
populations:
  A:
    model: iaf_psc_exp
    size: 1
    parameters: {E_L_mV: 0, V_reset_mV: -5, V_th_mV: THRESHOLD, I_e_pA: 300, tau_syn_in_ms: 3}
record: {states: [{population: A, variables: [V_m_mV]}]}
"""


def strict(update: Callable[..., Any]) -> Callable[..., Any]:
    """The update function with `>` where it has `>=`."""
    text = textwrap.dedent(inspect.getsource(update)).replace("@staticmethod\n", "")
    assert text.count("v >= theta_mV") == 1
    scope: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + text.replace("v >= theta_mV", "v > theta_mV"), scope)
    return scope[update.__name__]


def test_a_potential_that_equals_the_threshold_fires() -> None:
    """With the threshold at a value that the potential takes exactly, `>=` and `>` differ by a step."""
    free = Compared(network_of(EDGE.replace("THRESHOLD", "1000")))
    ((_, values),) = free.samples
    threshold = float(values[150, 0, 0])
    assert 0 < threshold < float(values[151, 0, 0])
    run = Compared(network_of(EDGE.replace("THRESHOLD", repr(threshold))))
    assert run.spikes[0].tolist() == [150, 0]
    assert np.array_equal(run.spikes, run.reference())
    mutant = run.reference(update={"iaf_psc_exp": strict(IafPscExp.update)})
    assert mutant[0].tolist() == [151, 0]
    assert not np.array_equal(run.spikes, mutant)
