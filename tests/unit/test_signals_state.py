"""Every stream goes on from its state as if it had never stopped: same rows, same summary, on one rank and on three."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.small_atlas import save_small_atlas

from dtbsim.mpi import Comm, run_ranks
from dtbsim.record.chunk import Chunk
from dtbsim.record.counts import Activity
from dtbsim.signals.stream import Site
from dtbsim.simulate.streams import Planned, Streams, plan_streams
from dtbsim.spec import Network
from dtbsim.store.published import read_published
from dtbsim.store.table_reader import TableReader

CONFIG = """\
atlas: small.npz
simulation: {dt_ms: 1.0, duration_ms: 4000, settling_ms: 100}
populations:
  E: {model: iaf_psc_exp, size: 30, regions: [A_L, B_L, C_R]}
  I: {model: iaf_psc_exp, size: 10}
projections:
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 9}, weight_pA: 5, delay_ms: 1,
       synapse: {kind: stdp, weight_max: 10}}
record:
  spikes: {populations: [E], stop_ms: 3000}
  rate_bin_ms: 14
  states: [{population: E, variables: [V_m_mV], neurons: 2, interval_ms: 7}]
  weights: [{projection: EI, neurons: 3, interval_ms: 500}]
  correlations:
    - {first: E, second: I, tau_max_ms: 12, bin_ms: 3}
    - {first: I, second: I, tau_max_ms: 10, bin_ms: 2, start_ms: 50}
bold: {population: E, tr_ms: 720}
"""
EDGES = [0, 1, 33, 500, 777, 1000, 1500, 1501, 2000, 2500, 2999, 3000, 3500, 4000]
CUT = 5


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    folder = tmp_path_factory.mktemp("atlas")
    save_small_atlas(folder)
    return network_of(CONFIG, base_dir=folder)


class FakeBackend:
    """Neurons and synapses of a rank, with values that follow from their gid and the step."""

    def __init__(self, comm: Comm) -> None:
        gids = np.array([0, 1, 30, 31, 60, 61], np.uint32)[comm.rank :: comm.size]
        sampled = SimpleNamespace(gids=gids, variables=("V_m_mV",), interval=7)
        self.sampler = SimpleNamespace(records=[sampled])
        target = np.array([90, 91, 92], np.uint32)[comm.rank :: comm.size]
        delay = np.ones(target.size, np.int32)
        now = lambda step: target.astype(float) + step / 7  # noqa: E731
        self.weights = [SimpleNamespace(source=target - 90, target=target, delay=delay, now=now)]


def chunks_of(network: Network, comm: Comm, unit: int) -> list[Chunk]:
    """Spikes of this rank, drawn for the whole network, with the counts of all; collective."""
    rng = np.random.default_rng(5)
    n = 40_000
    steps = np.sort(rng.integers(0, EDGES[-1], n))
    gids = (rng.integers(0, network.n_neurons, n) * (1 + (steps % 50 < 5)) % network.n_neurons).astype(np.uint32)
    mine = gids % comm.size == comm.rank
    counter = Activity(comm, network.gid_starts, unit)
    sampled = FakeBackend(comm).sampler.records[0].gids
    chunks = []
    for start, stop in itertools.pairwise(EDGES):
        inside = mine & (steps >= start) & (steps < stop)
        at = np.array([step for step in range(start, stop) if step % 7 == 6], np.int64)
        values = (at[:, None, None] + sampled[None, :, None] / 128).astype(np.float32)
        counts = counter.add(start, stop, steps[inside], gids[inside])
        chunks.append(Chunk(start, stop, steps[inside], gids[inside], counts, [(at, values)]))
    return chunks


def opened(network: Network, planned: Planned, comm: Comm, folder: Path) -> Streams:
    site = Site(network, comm, FakeBackend(comm), folder, planned.unit)  # type: ignore[arg-type]
    return Streams(planned, site)


def fed(streams: Streams, chunks: list[Chunk]) -> Streams:
    for chunk in chunks:
        streams.share(chunk)
        streams.take(chunk)
    return streams


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    """All rows of every store; of a growing histogram its last one."""
    found = {}
    for path in sorted(folder.rglob("*.zarr")):
        table = TableReader(path, None)
        columns = {name: table.read(name) for name in read_published(path)["columns"]}
        if table.attributes["kind"] == "correlation":
            columns = {name: values[-1:] for name, values in columns.items()}
        found[str(path.relative_to(folder))] = columns
    return found


@pytest.mark.parametrize("n_ranks", [1, 3])
def test_streams_go_on_from_their_state(network: Network, tmp_path: Path, n_ranks: int) -> None:
    planned = plan_streams(network)

    def work(comm: Comm) -> tuple[Any, Any]:
        chunks = chunks_of(network, comm, planned.unit)
        whole = opened(network, planned, comm, tmp_path / "whole")
        whole.begin()
        expected = fed(whole, chunks).summary(EDGES[-1])
        whole.close()
        first = opened(network, planned, comm, tmp_path / "first")
        first.begin()
        states = fed(first, chunks[:CUT]).state()
        kept = [{name: values.copy() for name, values in state.items()} for state in states]
        fed(first, chunks[CUT : CUT + 2])  # what follows must not change the copies
        for state, copy in zip(states, kept, strict=True):
            assert state.keys() == copy.keys()
            for name in state:
                np.testing.assert_array_equal(state[name], copy[name])
        part = opened(network, planned, comm, tmp_path / "part")
        part.begin()
        fed(part, chunks[:CUT]).close()
        rest = opened(network, planned, comm, tmp_path / "rest")
        rest.restore(states)
        found = fed(rest, chunks[CUT:]).summary(EDGES[-1])
        rest.close()
        return expected, found

    for expected, found in run_ranks(n_ranks, work):
        assert found == expected
        assert expected["spikes"] == 40_000
        assert expected["synchrony"] > 0
        assert expected["mean_abs_fc"] is not None
    whole, part, rest = (rows_of(tmp_path / name) for name in ("whole", "part", "rest"))
    assert whole.keys() == part.keys() == rest.keys()
    assert len(whole) == 4 + 3 * n_ranks
    for store, columns in whole.items():
        for name, values in columns.items():
            ended = [rest[store][name]] if "correlations" in store else [part[store][name], rest[store][name]]
            assert len(values), store
            np.testing.assert_array_equal(np.concatenate(ended), values, err_msg=f"{store} {name}")
