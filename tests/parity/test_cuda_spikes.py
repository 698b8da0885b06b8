"""The CUDA kernels, run on the host, give the spikes of the CPU backend bit for bit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.drive_zoo import drive_zoo
from tests.helpers.networks import built_rank, network_of, simulate, sorted_rows, spikes_of
from tests.helpers.shim_device import GXX, ShimDevice
from tests.helpers.short_examples import EXAMPLES, SHORT
from tests.helpers.small_atlas import save_small_atlas
from tests.helpers.two_backends import on_gpu

from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.build.rank import RankNetwork
from dtbsim.given import resolve
from dtbsim.kernels import layout as L
from dtbsim.spec import Network, compile_network

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")

NETWORK = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 32}
seed: 4
populations:
  E: {model: iaf_psc_exp, size: 200, initial: {V_m_mV: {distribution: uniform, low: -70, high: -51}}}
  I: {model: iaf_psc_alpha, size: 70, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}
  Z: {model: izhikevich, size: 90}
  P: {model: poisson_source, size: 40, parameters: {rate_hz: 300}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 20}
    weight_pA: {distribution: normal, mean: 80, sd: 15}
    delay_ms: {distribution: uniform, low: 0.1, high: 3}
  EI: {source: E, target: I, rule: {kind: pairwise_bernoulli, probability: 0.1}, weight_pA: 120, delay_ms: 1}
  IE: {source: I, target: E, rule: {kind: fixed_total_number, total: 2000}, weight_pA: -200, delay_ms: 0.7}
  EZ: {source: E, target: Z, rule: {kind: fixed_indegree, indegree: 12}, weight_mV: 2.5, delay_ms: 0.1}
  PZ: {source: P, target: Z, rule: {kind: fixed_indegree, indegree: 2}, weight_mV: 3.5, delay_ms: 2.2}
drives:
  bg: {kind: poisson, target: [E, I], receptor: ex, rate_hz: 9000, weight_pA: 60}
record:
  states:
  - {population: E, variables: [V_m_mV], neurons: [3, 77, 199], interval_ms: 0.3}
  - {population: Z, variables: [u, V_m_mV], neurons: 5, interval_ms: 1}
"""

MOST = 200 + 70 + 90 + 40 * 5
"""Spikes of a step, at the most: more than 5 at a mean of 0.03 are less likely than 2^-32."""


def on_device(
    built: RankNetwork, chunks: Sequence[int] = (), first_bucket: int | None = None, *, backwards: bool = False
) -> tuple[Any, CudaBackend, list[Any]]:
    """Spikes, the backend, and what was sampled."""
    n_steps = built.network.n_steps
    backend = CudaBackend(built, None, ShimDevice(backwards=backwards), first_bucket)
    backend.compile()
    parts, samples = [], []
    edges = [0, *chunks, n_steps]
    for start, stop in itertools.pairwise(edges):
        backend.advance(start, stop)
        parts.append(spikes_of(backend))
        samples.append([backend.sampler.take(k) for k in range(len(backend.sampler.records))])
    backend.check_finite(0, n_steps)
    backend.close()
    return sorted_rows(np.concatenate(parts)), backend, samples


@pytest.mark.parametrize("kind", [None, L.KIND_WIDE16, L.KIND_WIDE32, L.KIND_WIDE64])
def test_every_format_of_synapses(kind: int | None) -> None:
    network = network_of(NETWORK)
    expected = simulate(network)
    assert len(np.unique(expected[:, 1])) > 300
    spikes, backend, _ = on_device(built_rank(network, kind=kind))
    np.testing.assert_array_equal(spikes, expected)
    assert backend.events() > 0


@pytest.mark.parametrize("threads", [1, 3])
def test_lanes_chunks_small_buckets_and_the_order_of_threads(threads: int) -> None:
    network = network_of(NETWORK)
    expected = simulate(network)
    for backwards in (False, True):
        built = built_rank(network, threads=threads)
        spikes, backend, _ = on_device(built, chunks=(1, 8, 77, 400), first_bucket=2, backwards=backwards)
        np.testing.assert_array_equal(spikes, expected)
        assert len(built.lanes) == threads
        assert backend.tables.dynamic_bytes() > 2 * 8 * backend.ring * threads, "buckets have grown"


def test_the_host_empties_a_full_log(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(NETWORK)
    monkeypatch.setattr("dtbsim.backends.cuda.log.ENTRIES", 1)
    spikes, backend, _ = on_device(built_rank(network))
    np.testing.assert_array_equal(spikes, simulate(network))
    assert (backend._log.size, len(backend._log._parts)) == (MOST, 1)


def test_a_part_of_the_log_travels_while_the_other_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(NETWORK)
    monkeypatch.setattr("dtbsim.backends.cuda.log.ENTRIES", MOST)
    spikes, backend, _ = on_device(built_rank(network), chunks=(300, 301))
    np.testing.assert_array_equal(spikes, simulate(network))
    assert (backend._log.size, len(backend._log._parts)) == (MOST, 2)
    assert len(spikes) > 4 * MOST, "both parts were filled more than once"


def test_events_and_samples_are_those_of_the_cpu() -> None:
    from dtbsim.backends.cpu import CpuBackend

    network = network_of(NETWORK)
    cpu = CpuBackend(built_rank(network), None, 1)
    cpu.advance(0, network.n_steps)
    _, backend, samples = on_device(built_rank(network))
    assert backend.events() == cpu.events()
    for record, (steps, values) in enumerate(samples[0]):
        expected_steps, expected = cpu.sampler.take(record)
        np.testing.assert_array_equal(steps, expected_steps)
        np.testing.assert_array_equal(values, expected)
        assert np.ptp(values) > 1
    cpu.close()


def test_every_kind_of_drive(tmp_path: Path) -> None:
    network = drive_zoo(tmp_path)
    expected = simulate(network)
    for backwards in (False, True):
        spikes, _, _ = on_device(built_rank(network, threads=2), chunks=(13, 100), backwards=backwards)
        np.testing.assert_array_equal(spikes, expected)


def example(name: str) -> Network:
    config, folder, locator = resolve(EXAMPLES / f"{name}.yaml", SHORT[name])
    return compile_network(config, folder, locator)


@pytest.mark.parametrize("name", ["microcircuit", "izhikevich"])
def test_examples(name: str) -> None:
    network = example(name)
    spikes, _, _ = on_device(built_rank(network))
    np.testing.assert_array_equal(spikes, simulate(network))
    assert len(spikes) > 400


def test_steps_are_graphs_of_three_kernels_without_the_host() -> None:
    network = network_of(NETWORK, "simulation.duration_ms=7.5")
    device = ShimDevice()
    captured: list[int] = []
    capture = device.capture

    def counted(work: Any) -> Any:
        graph = capture(work)
        captured.append(len(graph._work))
        return graph

    device.capture = counted  # type: ignore[method-assign]
    backend = CudaBackend(built_rank(network), None, device)
    backend.compile()
    backend.advance(0, 75)
    assert captured == [3 * 32, 3 * 8, 3 * 2, 3 * 1], "75 = 2 * 32 + 8 + 2 + 1"
    launched = [name for name, _ in backend._kernels.launches]
    assert launched[: 3 * 75] == ["dtb_input", "dtb_neurons", "dtb_schedule"] * 75
    backend.advance(75, 75 + 32)
    assert len(captured) == 4, "graphs are kept"


REGIONS_OF_SOURCES = """\
seed: 1
atlas: small.npz
simulation: {dt_ms: 0.1, duration_ms: 40}
populations:
  E: {model: iaf_psc_exp, size: 20, regions: all}
  P: {model: poisson_source, size: 20, regions: all, parameters: {rate_hz: 150}}
projections:
  PE: {source: P, target: E, scope: same_region, rule: {kind: all_to_all}, weight_pA: 100, delay_ms: 1}
  EE: {source: E, target: E, scope: connectome, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 50, delay_ms: 2}
"""


def test_sources_of_the_last_region_spike(tmp_path: Path) -> None:
    """They have no inputs, so they take up no room on a lane, but they need one."""
    save_small_atlas(tmp_path)
    network = network_of(REGIONS_OF_SOURCES, base_dir=tmp_path)
    expected = simulate(network)
    last = network.populations[-1]
    assert (expected[:, 1] >= last.gid0).sum() > 50
    for plan in ("general", "persistent"):
        found = on_gpu(network, ShimDevice(), plan)
        np.testing.assert_array_equal(found[0], expected)
