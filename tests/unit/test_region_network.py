"""Networks of mean-field regions: against reference trajectories, and the same bits however they are computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.region_references import FILES, FOLDER
from tests.helpers.region_runs import reference_config, small_atlas, trajectory

import dtbsim
from dtbsim.atlas import Atlas, save_atlas
from dtbsim.backends.regions import engine as engine_module
from dtbsim.backends.regions import group as group_module
from dtbsim.backends.regions import shares as shares_module
from dtbsim.backends.regions.engine import RegionEngine
from dtbsim.backends.regions.series import gathered
from dtbsim.backends.regions.shares import lane_groups, share_of
from dtbsim.backends.state import merge_states
from dtbsim.cli.runs import run_hash
from dtbsim.config import RunConfig, dump_config, load_config_text
from dtbsim.errors import InputError, MemoryPlanError, NumericsError
from dtbsim.models.region_registry import get_region_model
from dtbsim.mpi import run_ranks
from dtbsim.mpi.comm import SerialComm
from dtbsim.simulate import run
from dtbsim.spec import compile_network
from dtbsim.spec.feedback_inhibition import balancing_inhibition
from dtbsim.spec.region_network import RegionNetwork

Array = np.ndarray[Any, np.dtype[np.float32]]


USUAL = ["tvb_hopf_euler_delay", "tvb_jr_heun_delay", "tvb_kuramoto_euler_delay"]
"""Differences, a sigmoid of what is sent, two sums."""
TOLERANCE = {"tvb_epileptor": 0.2, "tvb_epileptor2d": 5e-3, "tvb_larterbreakspear": 0.5}
"""Largest error of the whole trajectory, as a part of the largest value; seizures and chaos amplify float32."""


def _compare(name: str, folder: Path) -> None:
    data = np.load(FOLDER / f"{name}.npz")
    found = trajectory(reference_config(name, folder))
    first, sampled, every = data["first"], data["sampled"], int(data["every"])
    scale = np.abs(sampled).max(axis=(0, 2), keepdims=True)
    early, late = found[: len(first)] - first, found[every - 1 :: every][: len(sampled)] - sampled
    if "kuramoto" in name:  # here phases stay within a turn
        scale = np.ones(1)
        early, late = (np.angle(np.exp(1j * difference)) for difference in (early, late))
    assert np.abs(early / scale).max() < 1e-5
    worst = np.abs(late / scale).max()
    assert worst < TOLERANCE.get("_".join(name.split("_")[:2]), 5e-4)


@pytest.mark.parametrize("name", USUAL)
def test_trajectories_of_tvb(name: str, tmp_path: Path) -> None:
    _compare(name, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("name", [name for name in FILES if name not in USUAL and "aln" not in name])
def test_trajectories_of_all_references(name: str, tmp_path: Path) -> None:
    _compare(name, tmp_path)


# -- the same bits ----------------------------------------------------------------------------------------------


def _mixed(folder: Path, **changes: Any) -> RunConfig:
    """Two models, delays, differences, noise, of 21 regions; a third coupling within regions of one."""
    rng = np.random.default_rng(4)
    weights = np.round(rng.random((21, 21)) * (rng.random((21, 21)) < 0.6), 3)
    np.fill_diagonal(weights, 0.0)
    lengths = np.round(rng.uniform(8.0, 60.0, (21, 21)), 1)
    data = {
        "atlas": str(small_atlas(folder, weights, lengths)),
        "seed": 5,
        "simulation": {"dt_ms": 0.5, "duration_ms": 60.0},
        "populations": {
            "a": {
                "model": "hopf", "regions": [f"r{k}" for k in range(13)],
                "initial": {"x": {"distribution": "uniform", "low": -0.3, "high": 0.3}},
                "noise": {"x": {"sigma": 0.01}, "y": {"kind": "ornstein_uhlenbeck", "sigma": 0.01, "tau_ms": 5.0}},
            },
            "b": {"model": "hopf", "regions": [f"r{k}" for k in range(13, 21)], "parameters": {"a": 0.2}},
        },
        "couplings": {
            "all": {
                "source": ["a", "b"], "target": ["a", "b"], "strength": 0.05,
                "delay_ms": {"tract_velocity_m_per_s": 4.0},
            },
        },
        "record": {"states": [{"population": "a", "variables": ["x", "y"], "interval_ms": 1.0}]},
    }  # fmt: skip
    return RunConfig.model_validate(data | changes)


def _regions(config: RunConfig) -> tuple[RegionNetwork, int, float]:
    network = compile_network(config)
    assert network.regions is not None
    return network.regions, network.n_steps, network.dt_ms


def _hash(config: RunConfig, *, ranks: int = 1, threads: int = 1, chunk: int = 10**9) -> tuple[str, Array]:
    """Hash of the states at the end, and all samples [row, node, member, variable]."""
    regions, n_steps, dt_ms = _regions(config)

    def run(comm: Any) -> tuple[str, Any]:
        engine = RegionEngine(regions, dt_ms, comm, threads)
        parts = []
        for start in range(0, n_steps, chunk):
            engine.advance(start, min(start + chunk, n_steps))
            series = engine.series()[0]
            parts.append(gathered(series, 13, regions.members.n, comm))
        hashed = engine.hashed().combined(comm)
        engine.close()
        return hashed, np.concatenate(parts) if comm.is_root else None

    results = [run(SerialComm())] if ranks == 1 else run_ranks(ranks, run)
    assert len({result[0] for result in results}) == 1
    return results[0]


ENSEMBLE = {"grid": {"couplings.all.strength": [0.02, 0.05, 0.08], "populations.a.parameters.a": [-0.1, 0.1]}}


def test_the_same_bits_for_ranks_threads_blocks_and_chunks(tmp_path: Path, monkeypatch: Any) -> None:
    config = _mixed(tmp_path)
    expected, samples = _hash(config)
    assert np.ptp(samples[-1, :, 0, 0]) > 1e-3
    assert _hash(config, ranks=2)[0] == expected
    found, gathered_samples = _hash(config, ranks=3)
    assert found == expected
    np.testing.assert_array_equal(gathered_samples, samples)
    found, pieces = _hash(config, chunk=7)
    assert found == expected
    np.testing.assert_array_equal(pieces, samples)
    monkeypatch.setattr(engine_module, "ENOUGH", 1)
    assert _hash(config, threads=2)[0] == expected
    monkeypatch.setattr(group_module, "MOST_BLOCK", 1)
    assert _hash(config)[0] == expected
    monkeypatch.setattr(group_module, "MOST_BLOCK", 3)
    assert _hash(config, ranks=2, threads=2)[0] == expected
    assert _hash(_mixed(tmp_path, seed=6))[0] != expected


def test_a_member_alone_is_the_member_in_the_ensemble(tmp_path: Path, monkeypatch: Any) -> None:
    expected, samples = _hash(_mixed(tmp_path, ensemble=ENSEMBLE))
    assert samples.shape[2] == 6
    for member, (strength, a) in enumerate([(0.02, -0.1), (0.02, 0.1), (0.05, -0.1)]):
        config = _mixed(tmp_path)
        config.couplings["all"].strength = strength
        config.populations["a"].parameters["a"] = a
        np.testing.assert_array_equal(_hash(config)[1][:, :, 0], samples[:, :, member])
    monkeypatch.setattr(shares_module, "MOST_LANES", 2)
    for ranks, threads in ((1, 2), (2, 1), (3, 1)):
        found, others = _hash(_mixed(tmp_path, ensemble=ENSEMBLE), ranks=ranks, threads=threads)
        assert found == expected
        np.testing.assert_array_equal(others, samples)


def test_members_with_own_seeds_and_own_connectomes(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    other = np.round(rng.random((21, 21)), 3)
    names = [f"r{k}" for k in range(13)]
    ensemble = {
        "seeds": "own",
        "members": [{}, {"couplings.all.weights": {"matrix": other.tolist()}}, {"couplings.all.strength": 0.07}],
    }
    config = _mixed(tmp_path, ensemble=ensemble)
    regions, _, _ = _regions(config)
    assert regions.members.seeds == (5, 6, 7)
    assert [len(group) for group in lane_groups(regions)] == [2, 1]
    _, samples = _hash(config)
    first = _mixed(tmp_path)
    np.testing.assert_array_equal(_hash(first)[1][:, :, 0], samples[:, :, 0])
    second = _mixed(tmp_path, seed=6)
    second.couplings["all"].weights = {"matrix": other.tolist()}
    np.testing.assert_array_equal(_hash(second)[1][:, :, 0], samples[:, :, 1])
    third = _mixed(tmp_path, seed=7)
    third.couplings["all"].strength = 0.07
    np.testing.assert_array_equal(_hash(third)[1][:, :, 0], samples[:, :, 2])
    assert names == list(regions.populations[0].node_names)


def test_a_state_is_gone_on_from_with_other_ranks(tmp_path: Path) -> None:
    config = _mixed(tmp_path, ensemble=ENSEMBLE)
    regions, n_steps, dt_ms = _regions(config)
    expected, _ = _hash(config)

    def half(comm: Any) -> dict[str, Any]:
        engine = RegionEngine(regions, dt_ms, comm, 1)
        engine.advance(0, 51)
        return engine.state()

    for before, after in ((1, 2), (3, 1)):
        states = run_ranks(before, half)
        state = merge_states(states)

        def rest(comm: Any, state: Any = state) -> str:
            engine = RegionEngine(regions, dt_ms, comm, 1)
            engine.load(state, 51)
            engine.advance(51, n_steps)
            return engine.hashed().combined(comm)

        assert set(run_ranks(after, rest)) == {expected}


def test_shares_cover_every_node_and_member_once(tmp_path: Path) -> None:
    regions, _, _ = _regions(_mixed(tmp_path, ensemble=ENSEMBLE))
    for ranks, lanes in ((2, 16), (3, 2), (5, 1), (7, 4)):
        seen = np.zeros((regions.n_nodes, regions.members.n), int)
        for rank in range(ranks):
            share = share_of(regions, rank, ranks, lanes)
            for population in regions.populations:
                low, high = (population.first_node + k for k in share.nodes[population.index])
                seen[low:high, list(share.members)] += 1
        assert (seen == 1).all()


def test_a_state_that_is_not_finite_is_named(tmp_path: Path) -> None:
    config = _mixed(tmp_path, ensemble={"grid": {"couplings.all.strength": [0.05, -500.0]}})
    regions, n_steps, dt_ms = _regions(config)
    engine = RegionEngine(regions, dt_ms, SerialComm(), 1)
    engine.advance(0, n_steps)
    with pytest.raises(
        NumericsError, match=r"state \w of region r\d+ became NaN .* member 1 of the ensemble"
    ) as caught:
        engine.check_finite(0, n_steps)
    assert caught.value.exit_code == 7


# -- feedback inhibition ----------------------------------------------------------------------------------------


def test_the_balancing_inhibition_is_that_of_the_equations() -> None:
    """An uncoupled region at exactly 3 Hz: S_E 0.161285, I_E 0.376533, J 1.01073 (Deco et al. 2014, solved anew)."""
    model = get_region_model("deco_2014")
    found = balancing_inhibition(model.complete({}), np.zeros(2), 3.0)
    np.testing.assert_allclose(found, 1.01073, rtol=1e-5)
    coupled = balancing_inhibition(model.complete({}), np.array([0.0, 0.5]), 3.0)
    assert coupled[1] > coupled[0] == pytest.approx(1.01073, rel=1e-5)


def _inhibited(folder: Path, **changes: Any) -> RunConfig:
    weights = np.round(np.random.default_rng(3).random((9, 9)), 2) * (1 - np.eye(9))
    data = {
        "atlas": str(small_atlas(folder, weights, np.zeros((9, 9)))),
        "simulation": {"dt_ms": 1.0, "duration_ms": 4000.0},
        "populations": {"nodes": {"model": "deco_2014", "regions": "all", "noise": {"S_E": {"sigma": 0.001}}}},
        "couplings": {"far": {"source": "nodes", "target": "nodes", "strength": 0.2}},
        "controllers": {"fic": {"kind": "feedback_inhibition", "population": "nodes"}},
        "record": {"states": [{"population": "nodes", "variables": ["r_E_Hz"], "interval_ms": 100.0}]},
    }
    return RunConfig.model_validate(data | changes)


def test_feedback_inhibition_holds_the_rates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(_inhibited(tmp_path), out=tmp_path / "analytic", report=False)
    assert run_hash(result.run_dir) == 0
    assert capsys.readouterr().out.split() == [result.summary["state_hash"]], "there are no spikes"
    rates = dtbsim.open_run(result.run_dir).states(0)["r_E_Hz"].values
    np.testing.assert_allclose(rates[10:].mean(axis=0), 3.0, atol=0.15)
    controller = {
        "kind": "feedback_inhibition", "population": "nodes", "start": "given", "interval_ms": 100.0, "gain": 0.1
    }  # fmt: skip
    config = _inhibited(tmp_path, controllers={"fic": controller})
    corrected = run(config, out=tmp_path / "corrected", report=False)
    rates = dtbsim.open_run(corrected.run_dir).states(0)["r_E_Hz"].values
    assert rates[:3].mean() > 5.0
    np.testing.assert_allclose(rates[-10:].mean(axis=0), 3.0, atol=0.5)
    on_two = run_ranks(2, lambda comm: run(config, out=tmp_path / "two", comm=comm, report=False))
    assert on_two[0].summary["state_hash"] == corrected.summary["state_hash"]
    half = _inhibited(tmp_path, controllers={"fic": controller}, checkpoint={})
    half.simulation = half.simulation.model_copy(update={"duration_ms": 1950.0})
    run(half, out=tmp_path / "half", report=False)
    resumed = dtbsim.resume(tmp_path / "half", set={"simulation.duration_ms": 4000.0})
    assert resumed.summary["state_hash"] == corrected.summary["state_hash"]


# -- what cannot be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "place", "message"),
    [
        ("couplings.all.delay_ms", 0.2, "couplings.all.delay_ms", "0.2 ms is shorter than one step"),
        ("couplings.all.variable", "z", "couplings.all.variable", "no state or output 'z'"),
        ("couplings.all.source", "z", "couplings.all.source", "no population 'z'"),
        ("couplings.all.target", ["a", "z"], "couplings.all.target.1", "no population 'z'"),
        ("couplings.all.target", ["a", "a"], "couplings.all.target.1", "'a' is named twice"),
        ("populations.b", {"model": "jansen_rit", "regions": ["r1"]}, "couplings.all.function",
         "difference takes the target's own v_mV, which model 'hopf' does not have"),
        ("couplings.all.input", "z", "couplings.all.input", "no input 'z'"),
        ("populations.a.integrator", "exponential", "populations.a.integrator", "no integrator 'exponential'"),
        ("populations.a.noise.z", {"sigma": 1.0}, "populations.a.noise.z", "no state or input 'z' for noise"),
        ("populations.a.size", 3, "populations.a.size", "a region model, with one node"),
        ("populations.a.parameters.q", 1.0, "populations.a.parameters.q", "no parameter 'q'"),
        ("couplings.all.effect", "current", "couplings.all.effect", "effect belongs to spiking populations"),
        ("bold", {"population": "a", "variable": "z", "tr_ms": 20.0}, "bold.variable", "no state or output 'z'"),
        ("signals", {"bold": {"kind": "lfp", "population": "a"}}, "signals.bold", "give it another name"),
        ("record.spikes", {"populations": ["a"]}, "record.spikes.populations", "which has no spikes"),
        ("ensemble", {"grid": {"simulation.dt_ms": [0.5, 1.0]}}, "ensemble.grid.simulation.dt_ms", "cannot differ"),
        ("ensemble", {"grid": {"couplings.all.strength": ["x"]}}, "ensemble.grid", "member 0"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_at_its_place(tmp_path: Path, key: str, value: Any, place: str, message: str) -> None:
    text = dump_config(_mixed(tmp_path))
    with pytest.raises(InputError, match=message) as caught:
        compile_network(load_config_text(text, overrides={key: value}))
    assert place in str(caught.value.where)
    assert caught.value.exit_code == 2


def test_tract_delays_need_lengths(tmp_path: Path) -> None:
    atlas = small_atlas(tmp_path, np.ones((3, 3)) - np.eye(3), np.ones((3, 3)))
    bare = dtbsim.load_atlas(str(atlas))
    save_atlas(Atlas(name="bare", region_names=bare.region_names, xyz_mm=bare.xyz_mm, weights=bare.weights),
               tmp_path / "bare.npz")  # fmt: skip
    config = _mixed(tmp_path)
    config.atlas = str(tmp_path / "bare.npz")
    config.populations = {"a": config.populations["a"].model_copy(update={"regions": "all"})}
    config.couplings["all"] = config.couplings["all"].model_copy(update={"source": "a", "target": "a"})
    with pytest.raises(InputError, match="the atlas has none") as caught:
        compile_network(config)
    assert caught.value.where == "couplings.all.delay_ms"


def test_sums_of_all_sources_are_those_of_entries(tmp_path: Path, monkeypatch: Any) -> None:
    """Without delays sums of one lane, of 16 lanes, and of fewer lanes go three ways."""
    weights = np.round(np.random.default_rng(8).random((21, 21)), 3) * (1 - np.eye(21))
    couplings = {"all": {"source": ["a", "b"], "target": ["a", "b"], "strength": 0.05}}
    atlas = str(small_atlas(tmp_path, weights, np.ones((21, 21))))
    grid = {"grid": {"couplings.all.strength": [round(0.01 + 0.002 * k, 3) for k in range(16)]}}
    config = _mixed(tmp_path, couplings=couplings, ensemble=grid)
    config.atlas = atlas
    expected, samples = _hash(config)
    monkeypatch.setattr(shares_module, "MOST_LANES", 5)
    assert _hash(config)[0] == expected
    monkeypatch.setattr(shares_module, "MOST_LANES", 1)
    found, others = _hash(config, ranks=2)
    assert found == expected
    np.testing.assert_array_equal(others, samples)


def test_more_members_than_memory_are_refused_with_the_numbers(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("dtbsim.simulate.prepare.available_bytes", lambda: 350 * 2**20)
    grid = {"grid": {"couplings.all.strength": [0.001 * k for k in range(1, 65)]}}
    config = _mixed(tmp_path, ensemble=grid)
    config.couplings["all"] = config.couplings["all"].model_copy(update={"delay_ms": 900.0})
    with pytest.raises(
        MemoryPlanError, match=r"needs .* GiB .*, but .* available; it has 64 members of 21 regions"
    ) as caught:
        run(config, out=tmp_path / "run", report=False)
    assert caught.value.where == "ensemble"
    assert not (tmp_path / "run").exists()
