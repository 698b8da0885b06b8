"""The CPU backend beside its spikes: sampling, counting, parameters, errors, threads."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import DELAY, SOURCE, built_rank, network_of, simulate, spikes_of, synapses_of
from tests.helpers.zoo import zoo

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.sampling import chosen_gids
from dtbsim.backends.threads import Team, usable_cores
from dtbsim.errors import FaultError, MemoryPlanError, NumericsError
from dtbsim.kernels import barrier as B
from dtbsim.kernels import layout as L

RECORDS = """\
simulation: {dt_ms: 0.1, duration_ms: 10, block_size: 16}
populations:
  A: {model: iaf_psc_exp, size: 40, parameters: {E_L_mV: {distribution: normal, mean: -70, sd: 2}, I_e_pA: 900}}
  Z: {model: izhikevich, size: 20}
record:
  states:
    - {population: A, variables: [V_m_mV, refractory], neurons: [39, 0, 17, 0]}
    - {population: Z, variables: [u], neurons: 3, interval_ms: 0.7}
    - {population: Z, variables: [V_m_mV], neurons: 99}
"""


def backend_of(network: Any, threads: int = 1) -> CpuBackend:
    return CpuBackend(built_rank(network, threads=threads), None, threads)


def sampled(backend: CpuBackend, edges: list[int]) -> list[tuple[Any, Any]]:
    """(steps, values) of every record, put together over chunks."""
    parts: list[list[Any]] = [[] for _ in backend.sampler.records]
    for start, stop in itertools.pairwise(edges):
        backend.advance(start, stop)
        for record, found in enumerate(parts):
            found.append(backend.sampler.take(record))
    return [(np.concatenate([s for s, _ in part]), np.concatenate([v for _, v in part])) for part in parts]


def test_records_hold_the_chosen_neurons_in_order() -> None:
    network = network_of(RECORDS)
    assert chosen_gids(network, 0).tolist() == [0, 17, 39]
    assert chosen_gids(network, 2).tolist() == list(range(40, 60)), "no more than there are"
    backend = backend_of(network, threads=2)
    assert [record.gids.tolist() for record in backend.sampler.records] == [[0, 17, 39], [40, 41, 42], [*range(40, 60)]]
    backend.close()


@pytest.mark.parametrize("edges", [[0, 100], [0, 1, 2, 50, 100], [0, 6, 7, 8, 20, 21, 100]])
def test_samples_end_their_intervals_whatever_the_chunks(edges: list[int]) -> None:
    network = network_of(RECORDS)
    whole, backend = backend_of(network), backend_of(network, threads=2)
    expected, found = sampled(whole, [0, 100]), sampled(backend, edges)
    assert [steps.tolist() for steps, _ in expected] == [[*range(100)], [*range(6, 100, 7)], [*range(100)]]
    for (steps, values), (other_steps, other) in zip(expected, found, strict=True):
        assert (steps == other_steps).all()
        assert np.array_equal(values, other)
    assert expected[0][1][:, :, 1].max() == 20, "refractory steps are recorded as numbers"
    potentials = expected[0][1][0, :, 0]
    assert len(set(potentials.tolist())) == 3, "offsets are those of each neuron"
    assert np.abs(potentials + 70).max() < 8
    whole.close()
    backend.close()


def test_delivered_events_are_the_synapses_of_spikes_in_time(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    built = built_rank(network, threads=2)
    synapses = synapses_of(built)
    backend = CpuBackend(built, None, 2)
    backend.advance(0, network.n_steps)
    expected = 0
    for step, gid in spikes_of(backend).tolist():
        expected += int((synapses[synapses[:, SOURCE] == gid, DELAY] + step < network.n_steps).sum())
    assert backend.events() == expected > 50_000
    seconds = backend.stage_seconds()
    assert list(seconds) == list(L.STAGES)
    assert all(value >= 0 for value in seconds.values())
    assert sum(seconds.values()) > 0
    assert backend.tables.dynamic_bytes() > 8 * 4096
    backend.close()


def test_spikes_are_collected_once(tmp_path: Path) -> None:
    backend = backend_of(zoo(tmp_path))
    backend.advance(0, 100)
    assert len(spikes_of(backend)) > 100
    assert len(spikes_of(backend)) == 0
    backend.close()


CONTROLLED = """\
simulation: {{dt_ms: 0.1, duration_ms: 100, block_size: 16}}
populations: {{A: {{model: iaf_psc_exp, size: 40, parameters: {{I_e_pA: {current}, tau_m_ms: 9}}}}}}
controllers:
  c: {{kind: homeostatic_tonic, population: A, target_rate_hz: 4, interval_ms: 5, stages: [{{start_ms: 0, eta: 1}}]}}
"""


def test_a_parameter_set_at_the_start_is_as_if_configured() -> None:
    expected = simulate(network_of(CONTROLLED.format(current=450)))
    backend = backend_of(network_of(CONTROLLED.format(current=0)), threads=2)
    backend.set_parameter(0, "I_e_pA", np.array([450.0]))
    backend.advance(0, 1000)
    assert np.array_equal(spikes_of(backend), expected)
    assert len(expected) > 100
    backend.close()


def test_an_invalid_state_is_named(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    built = built_rank(network, threads=2)
    backend = CpuBackend(built, None, 2)
    backend.check_finite(0, 0)
    state = next(state for state in built.lanes if 283 in state.lane.gids.tolist())
    local = state.lane.gids.tolist().index(283)
    group = next(group for group in state.neurons.groups if group.start <= local < group.start + group.size)
    state.neurons.f32[group.state_offset["V_m_mV"] + local - group.start] = np.inf
    with pytest.raises(NumericsError) as caught:
        backend.check_finite(70, 77)
    population = next(item for item in network.populations if item.gid0 <= 283 < item.gid0 + item.size)
    neuron = 283 - population.gid0
    assert caught.value.message == f"state V_m_mV of neuron {neuron} became NaN or infinite after step 70, by step 77"
    assert caught.value.where == f"population {population.name}"
    assert caught.value.remedy == "use a shorter dt_ms, or check parameters and weights"
    backend.close()


def test_errors_of_the_window_end_the_run(tmp_path: Path) -> None:
    backend = backend_of(zoo(tmp_path))
    backend.rank[L.ERROR] = L.ERROR_MEMORY
    with pytest.raises(MemoryPlanError, match="no memory left for the spikes in transit"):
        backend.advance(0, 1)
    backend.rank[L.ERROR] = L.ERROR_ABORTED
    with pytest.raises(FaultError, match="another rank or thread ended the run"):
        backend.advance(1, 2)
    backend.close()


def test_an_abort_releases_threads_that_wait_for_each_other(tmp_path: Path) -> None:
    """Both threads leave the window when the flag is set, as when one of them met an error."""
    backend = backend_of(zoo(tmp_path), threads=2)
    barrier = next(array for array in backend._keep if array is backend._barrier)
    barrier[B.ABORT] = 1
    barrier[B.ARRIVED] = 1  # a third party that never comes: the second thread to arrive waits for ever otherwise
    with pytest.raises(FaultError, match="another rank or thread ended the run"):
        backend.advance(0, 600)
    backend.close()


# -- threads ----------------------------------------------------------------------------------------------------------


def test_a_team_runs_every_share_in_a_thread_of_its_own() -> None:
    team, seen, together = Team(3), {}, threading.Barrier(3)

    def work(index: int) -> None:
        together.wait(20)
        seen[index] = threading.get_ident()

    for _ in range(5):
        seen.clear()
        team.run(work)
        assert sorted(seen) == [0, 1, 2]
        assert len(set(seen.values())) == 3
        assert seen[0] == threading.get_ident()
    team.close()
    assert usable_cores() >= 1


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_of_any_thread_reaches_the_caller(failing: int) -> None:
    team, done = Team(3), []

    def work(index: int) -> None:
        if index == failing:
            raise ValueError(f"thread {index}")
        done.append(index)

    with pytest.raises(ValueError, match=f"thread {failing}"):
        team.run(work)
    assert sorted(done) == [k for k in range(3) if k != failing]
    team.run(lambda index: done.append(index))
    assert len(done) == 5
    team.close()
