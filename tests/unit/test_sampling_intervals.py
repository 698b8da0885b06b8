"""Recorded states: the samples of every interval, whatever the chunks, lanes and ranks that took them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of
from tests.helpers.small_atlas import save_small_atlas

import dtbsim
from dtbsim.backends.cpu import CpuBackend
from dtbsim.mpi.fake import FakeComm, run_ranks
from dtbsim.simulate.chunks import Chunks

N_STEPS = 1000
DT_MS = 0.1
NEURONS = {"A": [0, 17, 39, 40], "R": [2, 19], "Z": [30]}
"""Recorded neurons, counted within a population; R is in three regions."""
VARIABLES = {"A": ["V_m_mV", "refractory"], "R": ["u", "V_m_mV"], "Z": ["V_m_mV"]}
INTERVALS = [1, 7, 40, 333, 999, 1000, 1001]
"""In steps: one, some that divide the run and some that do not, the run, and more than it has."""

STOP_AFTER = Chunks.stop_after


def config_of(intervals: list[int]) -> dict[str, Any]:
    records = [
        {"population": name, "variables": VARIABLES[name], "neurons": NEURONS[name], "interval_ms": interval * DT_MS}
        for name in NEURONS
        for interval in intervals
    ]
    spread = {"distribution": "uniform", "low": -70.0, "high": -55.0}
    return {
        "simulation": {"dt_ms": DT_MS, "duration_ms": N_STEPS * DT_MS, "block_size": 16, "threads": 2},
        "atlas": "small.npz",
        "populations": {
            "A": {"model": "iaf_psc_exp", "size": 50, "parameters": {"I_e_pA": 600.0}, "initial": {"V_m_mV": spread}},
            "R": {"model": "izhikevich", "size": 20, "regions": ["A_L", "B_L", "Mid"], "initial": {"V_m_mV": spread}},
            "Z": {"model": "izhikevich", "size": 31, "parameters": {"I_e_mV_per_ms": 10.0}},
        },
        "drives": {"bg": {"kind": "poisson", "target": "R", "rate_hz": 900.0, "weight_mV": 3.0}},
        "record": {"spikes": None, "states": records, "rate_bin_ms": None},
    }


@pytest.fixture
def in_atlas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with an atlas of regions."""
    save_small_atlas(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chunks_of(monkeypatch: pytest.MonkeyPatch, steps: int) -> list[int]:
    """Every chunk has `steps` steps; returns the list that will hold their ends."""
    ends: list[int] = []

    def noted(self: Chunks, start: int) -> int:
        self._wanted = steps
        ends.append(STOP_AFTER(self, start))
        return ends[-1]

    monkeypatch.setattr(Chunks, "stop_after", noted)
    return ends


@pytest.mark.parametrize("chunk", [1, 32, 100, 999, 1000])
def test_samples_are_those_of_every_step_thinned(in_atlas: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    ends = chunks_of(monkeypatch, chunk)
    run = dtbsim.run(config_of(INTERVALS), out=in_atlas / "run").open()
    assert ends == [*range(chunk, N_STEPS, chunk), N_STEPS]
    for k, (name, interval) in enumerate((name, interval) for name in NEURONS for interval in INTERVALS):
        every_step, states = run.states(k - INTERVALS.index(interval)), run.states(k)
        ends_of_intervals = np.arange(interval, N_STEPS + 1, interval)
        np.testing.assert_allclose(states.time_ms, ends_of_intervals * DT_MS, rtol=0, atol=1e-9)
        assert states.attrs["interval_ms"] == pytest.approx(interval * DT_MS)
        members = run.populations[run.populations.family == name]
        assert states.gid.values.tolist() == [gid0 + neuron for gid0 in members.gid0 for neuron in NEURONS[name]]
        assert list(states.data_vars) == VARIABLES[name]
        for variable in VARIABLES[name]:
            np.testing.assert_array_equal(states[variable], every_step[variable][ends_of_intervals - 1])


def test_states_do_not_depend_on_the_chunks(in_atlas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of([1])
    one = chunks_of(monkeypatch, N_STEPS)
    whole = dtbsim.run(config, out=in_atlas / "whole").open()
    many = chunks_of(monkeypatch, 3)
    parts = dtbsim.run(config, out=in_atlas / "parts").open()
    assert (len(one), len(many)) == (1, 334)
    for k, name in enumerate(NEURONS):
        assert whole.states(k).identical(parts.states(k))
        values = whole.states(k)[VARIABLES[name][0]].values
        assert values.shape == (N_STEPS, len(NEURONS[name]) * (3 if name == "R" else 1))
        assert len(np.unique(values[400:], axis=1).T) == values.shape[1], "no two neurons are alike"


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_of_which_some_record_nothing(in_atlas: Path, ranks: int) -> None:
    """Neurons of three blocks at most: a rank may have none of a record, and its store holds the steps alone."""
    config = config_of([7, 333])
    alone = dtbsim.run(config, out=in_atlas / "alone").open()

    def work(comm: FakeComm) -> None:
        dtbsim.run(config, out=in_atlas / "together", comm=comm, set=["simulation.threads=1"])

    run_ranks(ranks, work)
    together = dtbsim.open_run(in_atlas / "together")
    assert together.ranks == ranks
    for k in range(len(config["record"]["states"])):
        assert together.states(k).identical(alone.states(k))


def test_a_chunk_without_a_sample_gives_empty_arrays() -> None:
    network = network_of(
        "simulation: {dt_ms: 0.1, duration_ms: 2, block_size: 16}\n"
        "populations: {A: {model: iaf_psc_exp, size: 40}}\n"
        "record: {states: [{population: A, variables: [V_m_mV, refractory], neurons: 40, interval_ms: 1}]}\n"
    )
    built = built_rank(network, threads=2)
    assert len(built.lanes) == 2
    backend = CpuBackend(built, None, 2)
    shapes = []
    for start, stop in ((0, 9), (9, 10), (10, 11), (11, 20)):
        backend.advance(start, stop)
        steps, values = backend.sampler.take(0)
        assert values.dtype == np.float32
        shapes.append((steps.tolist(), values.shape))
    backend.close()
    assert shapes == [([], (0, 40, 2)), ([9], (1, 40, 2)), ([], (0, 40, 2)), ([19], (1, 40, 2))]
