"""`dtbsim.pynn`: what a script of PyNN gets from it. PyNN's own scenarios are in tests/parity/test_pynn_nest.py."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dtbsim
from dtbsim.errors import InputError

pytest.importorskip("pyNN", reason="needs the extra pynn")
sim: Any = pytest.importorskip("dtbsim.pynn")


def network() -> tuple[Any, Any, Any]:
    """Neurons, random sources, and the projection between them."""
    sim.setup(timestep=0.1, rng_seed=4, threads=1, backend="cpu")
    neurons = sim.Population(4, sim.IF_curr_exp(i_offset=[0.8, 0.9, 1.0, 1.1]), initial_values={"v": -60.0})
    sources = sim.Population(2, sim.SpikeSourcePoisson(rate=[100.0, 300.0]))
    projection = sim.Projection(
        sources, neurons, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.1, delay=0.5), receptor_type="excitatory"
    )
    neurons.record(["spikes", "v"])
    return neurons, sources, projection


def potentials(neurons: Any) -> Any:
    return neurons.get_data("v").segments[-1].analogsignals[0].magnitude


def test_pieces_are_the_whole_and_changes_leave_the_past() -> None:
    neurons, _, _ = network()
    sim.run(50.0)
    whole = potentials(neurons)
    neurons, sources, projection = network()
    sim.run(20.0)
    assert np.array_equal(potentials(neurons), whole[:201])
    sim.run(30.0)
    assert np.array_equal(potentials(neurons), whole)
    neurons[1:3].set(i_offset=0.0)  # in the run itself
    projection.set(weight=0.2)
    sim.run(10.0)
    changed = potentials(neurons)
    assert np.array_equal(changed[:501], whole)
    sources.set(rate=0.0)  # simulated again from the beginning
    sim.DCSource(amplitude=1.0, start=65.0).inject_into(neurons[:1])
    sim.run(10.0)
    assert np.array_equal(potentials(neurons)[:601], changed)
    assert neurons.get("i_offset").tolist() == [0.8, 0.0, 0.0, 1.1]


def test_reset_repeats_what_is_not_drawn() -> None:
    sim.setup(timestep=0.1, threads=1, backend="cpu")
    listed = sim.Population(1, sim.SpikeSourceArray(spike_times=[2.0, 3.05, 5.0]))
    drawn = sim.Population(1, sim.SpikeSourcePoisson(rate=500.0))
    cells = sim.Population(2, sim.IF_cond_exp())
    for number, source in enumerate((listed, drawn)):
        sim.Projection(source, cells[number : number + 1], sim.AllToAllConnector(), sim.StaticSynapse(weight=0.02))
    listed.record("spikes")
    cells.record("v")
    for _ in range(2):
        sim.run(20.0)
        sim.reset()
    first, second = (part.analogsignals[0].magnitude for part in cells.get_data().segments)
    assert np.array_equal(first[:, 0], second[:, 0])
    assert not np.array_equal(first[:, 1], second[:, 1])
    assert listed.get_data().segments[0].spiketrains[0].magnitude.tolist() == [2.0, 3.1, 5.0]


def test_noise_is_recorded_as_it_acts() -> None:
    sim.setup(timestep=0.1, threads=1, backend="cpu")
    cell = sim.Population(1, sim.IF_curr_delta(v_thresh=1e3, tau_m=1e6, cm=1.0), initial_values={"v": -65.0})
    noise = sim.NoisyCurrentSource(mean=0.5, stdev=0.25, start=1.0, stop=4.0, dt=0.2)
    noise.inject_into(cell)
    noise.record()
    cell.record("v")
    sim.run(5.0)
    current = np.asarray(noise.get_data()).ravel()
    rise = np.diff(potentials(cell)[:, 0])
    assert np.allclose(rise, current[:-1] * 0.1, atol=2e-5)  # mV of nA over 0.1 ms on 1 nF
    assert np.flatnonzero(current).tolist() == list(range(10, 40))
    assert np.array_equal(current[10:40:2], current[11:40:2])


def test_native_cells_and_learned_weights() -> None:
    sim.setup(timestep=0.1, threads=1, backend="cpu")
    multi = sim.native_cell_type("iaf_psc_exp_multisynapse", receptors={"fast": 2.0, "slow": 20.0})
    cells = sim.Population(2, multi(I_e_pA=300.0))
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[5.0, 10.0, 30.0]))
    rule = sim.STDPMechanism(sim.SpikePairRule(), sim.AdditiveWeightDependence(w_max=2000.0), weight=900.0, delay=1.0)
    learned = sim.Projection(source, cells, sim.AllToAllConnector(), rule, receptor_type="slow")
    cells.record(["spikes", "I_syn_slow_pA"])
    sim.run(50.0)
    data = cells.get_data().segments[0]
    assert data.analogsignals[0].max().item() > 900
    assert len(data.spiketrains[0]) > 0
    weights = learned.get("weight", "array")
    assert weights.shape == (2, 2)
    assert (weights != 900.0).all()
    assert learned.get("delay", "list")[0] == (0.0, 0.0, 1.0)


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match="no option 'thread'"):
        sim.setup(thread=2)
    _, _, projection = network()
    sim.run(1.0)
    with pytest.raises(InputError, match="a population cannot be made while the network runs"):
        sim.Population(1, sim.IF_curr_exp())
    with pytest.raises(InputError, match="another delay of single synapses"):
        projection.set(delay=1.0)
    with pytest.raises(AttributeError, match=r"no PointNeuron; there is native_cell_type"):
        sim.PointNeuron  # noqa: B018
    with pytest.raises(InputError, match="only sends spikes"):
        sim.native_cell_type("poisson_source")
    sim.reset()
    projection.set(delay=0.01)
    with pytest.raises(InputError, match="below one step"):
        sim.run(1.0)


def test_an_exported_network_gives_the_same_spikes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {"distribution": "uniform", "low": -70, "high": -55}
    rule = {"kind": "fixed_indegree", "indegree": 10}
    given: dict[str, Any] = {
        "name": "ring",
        "simulation": {"duration_ms": 100, "threads": 1, "backend": "cpu"},
        "populations": {"A": {"model": "iaf_psc_exp", "size": 50, "initial": {"V_m_mV": drawn}}},
        "projections": {"AA": {"source": "A", "target": "A", "rule": rule, "weight_pA": 60, "delay_ms": 1.0}},
        "drives": {"noise": {"kind": "poisson", "target": "A", "rate_hz": 5000, "weight_pA": 70, "start_ms": 0.2}},
    }
    dtbsim.export(given, to="pynn", out=tmp_path / "net")
    script = str(tmp_path / "net" / "run.py")
    monkeypatch.setattr(sys, "argv", [script, "dtbsim"])
    runpy.run_path(script, run_name="__main__")
    found = np.load(tmp_path / "net" / "spikes.npz")
    spikes = dtbsim.run(given, temporary=True).open().spikes("A")
    there = set(zip(np.rint(found["time_ms"] * 10).astype(int).tolist(), found["neuron"].tolist(), strict=True))
    here = set(zip(np.rint(spikes.time_ms * 10).astype(int).tolist(), spikes.neuron.tolist(), strict=True))
    assert len(here) > 50
    assert {spike for spike in there if spike[0] <= 1000} == here
