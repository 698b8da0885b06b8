"""Drives and changes of mean-field regions: against their equations written out, and the same bits however computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.noise_reference import reference_normals
from tests.helpers.region_runs import small_atlas

import dtbsim
from dtbsim.backends.regions import engine as engine_module
from dtbsim.backends.regions import group as group_module
from dtbsim.backends.regions import shares as shares_module
from dtbsim.config import RunConfig
from dtbsim.errors import InputError
from dtbsim.models.drives.current_series import CurrentSeriesDrive
from dtbsim.mpi import run_ranks
from dtbsim.numerics.philox import PURPOSE_REGION_DRIVE
from dtbsim.simulate import run
from dtbsim.spec import compile_network

Array = np.ndarray[Any, np.dtype[np.float64]]
N, DT_MS, GAMMA = 5, 0.5, 0.1
DRIVES = {
    "tonic": {"kind": "dc", "target": "nodes", "amplitude": {"regions": {f"r{k}": 0.1 * k for k in range(N)}}},
    "wave": {
        "kind": "sinusoidal", "target": "nodes", "input": "network", "regions": ["r1", "r3"], "amplitude": 2.0,
        "frequency_hz": 40.0, "windows_ms": [[5, 12], [20, 31.5]],
    },
    "hiss": {"kind": "noise_current", "target": "nodes", "neurons": [0, 4], "std": 1.0, "dt_ms": 1.0, "start_ms": 3.0},
    "wander": {"kind": "ou_current", "target": "nodes", "sigma": 0.5, "tau_ms": 7.0, "input": "network"},
}  # fmt: skip
CHANGES = {
    "decay": {"population": "nodes", "regions": ["r2", "r4"], "t_ms": 11.5, "set": {"gamma_per_ms": 0.3}},
    "listed": {"population": "nodes", "neurons": [3, 1], "t_ms": 17.0, "set": {"gamma_per_ms": [0.03, 0.01]}},
    "reset": {"population": "nodes", "neurons": [1], "t_ms": 25.0, "set": {"x": -2.0}},
    "stronger": {"drive": "tonic", "times_ms": [8.0, 30.0], "values": {"amplitude": [1.5, 0.0]}},
    "louder": {"drive": "wander", "t_ms": 22.0, "set": {"sigma": 1.5}},
    "swing": {"coupling": "all", "sine": {"strength": {
        "mean": 0.1, "amplitude": 0.05, "frequency_hz": 30.0, "interval_ms": 4.0,
    }}},
}  # fmt: skip


def _config(folder: Path, **changes: Any) -> RunConfig:
    rng = np.random.default_rng(2)
    weights = np.round(rng.random((N, N)), 2)
    np.fill_diagonal(weights, 0.0)
    data = {
        "atlas": str(small_atlas(folder, weights, np.full((N, N), 8.0))),
        "seed": 11,
        "simulation": {"dt_ms": DT_MS, "duration_ms": 40.0},
        "populations": {
            "nodes": {
                "model": "linear", "regions": "all", "parameters": {"gamma_per_ms": GAMMA}, "integrator": "euler",
            }
        },
        "couplings": {"all": {"source": "nodes", "target": "nodes", "strength": 0.2, "delay_ms": 1.5}},
        "record": {"states": [{"population": "nodes", "variables": ["x"]}]},
    }  # fmt: skip
    return RunConfig.model_validate(data | changes)


def _x(config: RunConfig, folder: Path, **options: Any) -> Array:
    result = run(config, out=folder, report=False, **options)
    return np.asarray(dtbsim.open_run(result.run_dir).states(0)["x"].values, np.float64)


def _normal(node: int, drive: int, number: int) -> float:
    return float(reference_normals([node], number, drive, 11, PURPOSE_REGION_DRIVE)[0])


def _written_out(weights: Array) -> Array:
    """float64[steps, nodes]: Euler steps of the equations with DRIVES and CHANGES as they are meant."""
    steps = round(40.0 / DT_MS)
    x, gamma, past = np.zeros(N), np.full(N, GAMMA), [np.zeros(N)] * 4
    process, found = np.zeros(N), []
    decay = np.exp(-DT_MS / 7.0)
    for step in range(steps):
        t = step * DT_MS
        if t == 11.5:
            gamma[[2, 4]] = 0.3
        if t == 17.0:
            gamma[[3, 1]] = 0.03, 0.01
        if t == 25.0:
            x = np.where(np.arange(N) == 1, -2.0, x)
            past[-1] = x  # what others see of it, too
        strength = 0.1 + 0.05 * np.sin(2e-3 * np.pi * 30.0 * (t // 4.0 * 4.0))
        came = strength * weights @ past[-4]
        came = came + (0.1 * np.arange(N) if t < 8.0 else 1.5 if t < 30.0 else 0.0)
        if 5 <= t < 12 or 20 <= t < 31.5:
            came[[1, 3]] += 2.0 * np.sin(2e-3 * np.pi * 40.0 * t)
        for node in (0, 4):
            if t >= 3.0:
                came[node] += _normal(node, 2, int(t - 3.0))
        for node in range(N):
            z = _normal(node, 3, step)
            process[node] = z if step == 0 else decay * process[node] + np.sqrt(1 - decay**2) * z
        came = came + (0.5 if t < 22.0 else 1.5) * process
        x = x + DT_MS * (came - gamma * x)
        past = [*past[1:], x]
        found.append(x)
    return np.array(found)


def test_regions_follow_their_equations(tmp_path: Path) -> None:
    config = _all(tmp_path)
    expected = _written_out(np.asarray(dtbsim.load_atlas(str(config.atlas)).weights, np.float64))
    largest = np.abs(expected).max()
    assert largest > 1.0
    np.testing.assert_allclose(_x(config, tmp_path / "run"), expected, atol=1e-5 * largest)


def test_a_course_from_a_file_times_a_map(tmp_path: Path) -> None:
    """Two steps for each value, twice; regions have factors of their own; the folder of the run keeps the file."""
    np.save(tmp_path / "course.npy", np.array([1.0, -3.0, 2.0]))
    drive = {
        "kind": "current_series", "target": "nodes", "file": str(tmp_path / "course.npy"), "interval_ms": 1.0,
        "start_ms": 2.0, "stop_ms": 8.0, "amplitude": {"regions": {f"r{k}": 1.0 + k for k in range(N)}},
    }  # fmt: skip
    given = _config(tmp_path, couplings={}, simulation={"dt_ms": DT_MS, "duration_ms": 10.0})
    for repeat, times in ((False, 1), (True, 2)):
        config = given.model_copy(update={"drives": {"d": CurrentSeriesDrive(**drive, repeat=repeat)}})
        found = _x(config, tmp_path / f"run_{repeat}")
        course = np.zeros(20)
        course[4 : 4 + 6 * times] = np.tile(np.repeat([1.0, -3.0, 2.0], 2), times)
        x, expected = np.zeros(N), []
        for value in course:
            x = x + DT_MS * (value * (1.0 + np.arange(N)) - GAMMA * x)
            expected.append(x)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert list((tmp_path / "run_True").glob("**/drives.d.npy"))


NOISE = {"x": {"sigma": 0.1}, "in_network": {"kind": "ornstein_uhlenbeck", "sigma": 0.1, "tau_ms": 3.0}}

# -- the same bits ----------------------------------------------------------------------------------------------

ENSEMBLE = {
    "grid": {
        "drives.tonic.amplitude": [0.1, 0.4],
        "changes.decay.set.gamma_per_ms": [0.2, 0.3],
        "changes.reset.t_ms": [15.0, 25.0],
    },
    "seeds": "own",
}


def _all(folder: Path, **changes: Any) -> RunConfig:
    return _config(folder, **({"drives": DRIVES, "changes": CHANGES} | changes))


def _hash(config: RunConfig, folder: Path, ranks: int = 1) -> str:
    def one(comm: Any) -> Any:
        return run(config, out=folder, report=False, comm=comm).summary["state_hash"]

    return str(one(None) if ranks == 1 else run_ranks(ranks, one)[0])


def test_the_same_bits_for_ranks_threads_and_blocks(tmp_path: Path, monkeypatch: Any) -> None:
    config = _all(tmp_path)
    expected = _hash(config, tmp_path / "1")
    assert _hash(config, tmp_path / "2", ranks=2) == expected
    assert _hash(config, tmp_path / "3", ranks=3) == expected
    monkeypatch.setattr(engine_module, "ENOUGH", 1)
    monkeypatch.setattr(group_module, "MOST_BLOCK", 3)
    threads = config.model_copy(update={"simulation": config.simulation.model_copy(update={"threads": 2})})
    assert _hash(threads, tmp_path / "4", ranks=2) == expected
    assert _hash(_all(tmp_path, seed=12), tmp_path / "5") != expected


def test_a_member_is_its_run(tmp_path: Path, monkeypatch: Any) -> None:
    """Values of drives, values and times of changes; lanes and ranks do not matter."""
    config = _all(tmp_path, ensemble=ENSEMBLE)
    network = compile_network(config).regions
    assert network is not None
    assert network.members.n == 8
    whole = _x(config, tmp_path / "all")
    monkeypatch.setattr(shares_module, "MOST_LANES", 3)
    expected = run(config, out=tmp_path / "3", report=False).summary["state_hash"]
    assert _hash(config, tmp_path / "ranks", ranks=2) == expected
    for member in (0, 5):
        own = {key: values[member] for key, values in network.members.coordinates.items()}
        alone = dtbsim.run(_all(tmp_path), set=own, out=tmp_path / f"m{member}", report=False)
        found = dtbsim.open_run(alone.run_dir).states(0)["x"].values
        np.testing.assert_array_equal(found, whole[:, member])


def test_a_run_goes_on_from_any_moment(tmp_path: Path) -> None:
    """Checkpoints keep processes of drives and what has been changed; branches keep both, too."""
    config = _all(tmp_path, checkpoint={"every_ms": 1000.0})
    expected = _hash(config, tmp_path / "whole")
    for at_ms in (17.0, 24.5):
        folder = tmp_path / f"half_{at_ms:g}"
        half = config.simulation.model_copy(update={"duration_ms": at_ms})
        run(config.model_copy(update={"simulation": half}), out=folder, report=False)
        resumed = dtbsim.resume(folder, set={"simulation.duration_ms": 40.0})
        assert resumed.summary["state_hash"] == expected
    more = {
        "changes.more": {"population": "nodes", "neurons": [2], "t_ms": 17.0, "set": {"gamma_per_ms": 0.2, "x": 3.0}},
        "changes.weaker": {"coupling": "all", "t_ms": 30.5, "set": {"strength": 0.01}},
        "changes.other": {"t_ms": 21.0, "noise_seed": 9},
        "drives.more": {"kind": "ou_current", "target": "nodes", "sigma": 1.0, "tau_ms": 4.0, "start_ms": 17.0},
    }
    until = config.simulation.model_copy(update={"duration_ms": 17.0})
    run(config.model_copy(update={"simulation": until}), out=tmp_path / "parent", report=False)
    branch = dtbsim.resume(tmp_path / "parent", out=tmp_path / "branch", set=more | {"simulation.duration_ms": 40.0})
    whole = dtbsim.run(config, set=more, out=tmp_path / "with", report=False)
    found, wanted = (dtbsim.open_run(one.run_dir).states(0)["x"] for one in (branch, whole))
    assert found.sizes["time_ms"] == 46
    np.testing.assert_array_equal(found.values, wanted.sel(time_ms=found.time_ms).values)


def test_pieces_from_python_are_the_changes_of_a_configuration(tmp_path: Path) -> None:
    """`set` of drives, parameters, states and couplings; the folder repeats it."""
    config = _config(tmp_path, drives=DRIVES)
    with dtbsim.start(config, out=tmp_path / "live") as sim:
        sim.run(11.5)
        sim.set("nodes", "gamma_per_ms", 0.3, regions=["r2", "r4"])
        sim.set("tonic", amplitude=1.5)
        sim.set("all", strength=0.1)
        sim.run(13.5)
        sim.set("nodes", "x", [-2.0, 1.0], neurons=[1, 0])
        assert sim.get("nodes", "x")[:2].tolist() == [1.0, -2.0]
        assert sim.get("nodes@r2", "gamma_per_ms").tolist() == [float(np.float64(0.3))]
        sim.run(15.0)
    listed = {
        "a": {"population": "nodes", "regions": ["r2", "r4"], "t_ms": 11.5, "set": {"gamma_per_ms": 0.3}},
        "b": {"drive": "tonic", "t_ms": 11.5, "set": {"amplitude": 1.5}},
        "c": {"coupling": "all", "t_ms": 11.5, "set": {"strength": 0.1}},
        "d": {"population": "nodes", "neurons": [1, 0], "t_ms": 25.0, "set": {"x": [-2.0, 1.0]}},
    }
    expected = _hash(_config(tmp_path, drives=DRIVES, changes=listed), tmp_path / "listed")
    assert sim.result.summary["state_hash"] == expected
    again = dtbsim.run(tmp_path / "live" / "config.yaml", out=tmp_path / "again", report=False)
    assert again.summary["state_hash"] == expected


def test_a_change_at_the_start_is_the_configured_value(tmp_path: Path) -> None:
    start = {
        "p": {"population": "nodes", "set": {"gamma_per_ms": {"distribution": "uniform", "low": 0.1, "high": 0.2}}},
        "s": {"population": "nodes", "set": {"x": {"regions": {f"r{k}": 1.0 + k for k in range(N)}}}},
        "c": {"coupling": "all", "set": {"strength": 0.05}},
    }
    found = _hash(_config(tmp_path, changes=start), tmp_path / "changed")
    given = _config(tmp_path).model_dump(mode="json")
    given["populations"]["nodes"]["parameters"] = start["p"]["set"]  # type: ignore[index]
    given["populations"]["nodes"]["initial"] = start["s"]["set"]  # type: ignore[index]
    given["couplings"]["all"]["strength"] = 0.05
    assert _hash(RunConfig.model_validate(given), tmp_path / "given") == found


@pytest.mark.parametrize("noise", [{}, pytest.param(NOISE, marks=pytest.mark.nightly)])
def test_another_seed_of_noise_from_a_time_on(noise: dict[str, Any], tmp_path: Path) -> None:
    """Of regions and of their drives; what was before is the same."""
    base = _config(tmp_path, drives=DRIVES).model_dump(mode="json")
    base["populations"]["nodes"]["noise"] = noise
    plain = _x(RunConfig.model_validate(base), tmp_path / "plain")
    other = _x(RunConfig.model_validate(base | {"changes": {"n": {"t_ms": 20.0, "noise_seed": 5}}}), tmp_path / "other")
    np.testing.assert_array_equal(other[:40], plain[:40])  # from the step that begins at 20 ms on
    assert (other[40:] != plain[40:]).all()


# -- what does not fit ------------------------------------------------------------------------------------------

POISSON = {"kind": "poisson", "target": "nodes", "rate_hz": 10, "weight": 1}


@pytest.mark.parametrize(
    ("key", "value", "place", "message"),
    [
        ("drives", {"p": POISSON}, "drives.p.kind", "take no spikes"),
        ("drives", {"w": {"kind": "white_noise", "target": "nodes", "sigma_pA": 1}}, "drives.w.kind", "no membrane"),
        ("drives", {"d": {"kind": "current_series", "target": "nodes", "file": "no.csv"}}, "drives.d.file", "no file"),
        ("drives", {"d": DRIVES["wave"] | {"input": "netwrok"}}, "drives.d.input", "no input 'netwrok'"),
        ("drives", {"d": DRIVES["wave"] | {"regions": ["r9"]}}, "drives.d.regions", "no region 'r9'"),
        ("drives", {"d": DRIVES["hiss"] | {"neurons": [5]}}, "drives.d.neurons", "no region 5"),
        ("drives", {"d": {"kind": "dc", "target": "nodes", "amplitude": 1, "fraction": 0.5}}, "drives.d.fraction",
         "one node in each"),
        ("changes", {"c": {"population": "nodes", "set": {"gama": 1}}}, "changes.c.set.gama", "neither a parameter"),
        ("changes", {"c": {"population": "nodes", "set": {"gamma_per_ms": 9.0}}}, "changes.c.set.gamma_per_ms",
         "dt_ms is 0.5"),
        ("changes", {"c": {"population": "nodes", "neurons": [1], "set": {"x": [1, 2]}}}, "changes.c.set.x",
         "2 values for 1 regions"),
        ("changes", {"c": {"coupling": "none", "set": {"strength": 1}}}, "changes.c.coupling", "no coupling 'none'"),
        ("changes", {"c": {"coupling": "all", "set": {"delay_ms": 1}}}, "changes.c.set.delay_ms", "cannot change"),
        ("changes", {"c": {"coupling": "all", "set": {"strength": [1, 2]}}}, "changes.c.set.strength", "one number"),
        ("ensemble", {"grid": {"drives.tonic.input": ["x"]}}, "ensemble.grid.drives.tonic.input", "cannot differ"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_at_its_place(tmp_path: Path, key: str, value: Any, place: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        compile_network(_config(tmp_path, **({"drives": DRIVES} if key == "ensemble" else {}), **{key: value}))
    assert caught.value.where == place
