"""The reader: the same result for any number of ranks, by population and window, as pandas and Neo, and its errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from store_runs import DT_MS, N_STEPS, POPULATIONS, make_run, spikes_of_a_run

from dtbsim.errors import InputError, MissingDependencyError
from dtbsim.store.network_table import NetworkTable
from dtbsim.store.run import open_run

FAMILY_E = (np.arange(50) < 20) | ((np.arange(50) >= 25) & (np.arange(50) < 45))


@pytest.fixture
def spikes():
    return spikes_of_a_run(11)


@pytest.fixture
def run(tmp_path, spikes):
    return open_run(make_run(tmp_path / "run", *spikes, ranks=2))


@pytest.mark.parametrize("seed", range(4))
def test_the_division_over_ranks_cannot_be_seen(tmp_path, seed):
    steps, gids = spikes_of_a_run(seed, n=[3000, 400, 3, 0][seed])
    for ranks in (1, 2, 3):
        run = open_run(make_run(tmp_path / str(ranks), steps, gids, ranks=ranks, seed=10 * seed + ranks))
        for choice, start_ms, stop_ms in ((None, None, None), ("E", 3.0, 20.0), ("I@right", None, 33.3)):
            inside = np.ones(len(steps), bool)
            inside &= FAMILY_E[gids] if choice == "E" else (gids >= 45 if choice else True)
            inside &= (steps >= (start_ms or 0) / DT_MS - 1e-6) & (steps < (stop_ms or 1e9) / DT_MS - 1e-6)
            got = run.spike_steps(choice, start_ms, stop_ms)
            np.testing.assert_array_equal(got[0], steps[inside])
            np.testing.assert_array_equal(got[1], gids[inside])
            windows = list(run.iter_spikes(1.7, choice, start_ms, stop_ms))
            joined = [
                np.concatenate([np.empty(0, int), *parts])
                for parts in ([w.spikes.step for w in windows], [w.spikes.gid for w in windows])
            ]
            np.testing.assert_array_equal(joined[0], steps[inside])
            np.testing.assert_array_equal(joined[1], gids[inside])


def test_windows_tile_the_run_and_hold_their_own_spikes(run, spikes):
    windows = list(run.iter_spikes(1.5))
    edges = [window.start_ms for window in windows] + [windows[-1].stop_ms]
    np.testing.assert_allclose(edges, [*np.arange(0, 40, 1.5), 40.0])
    for window in windows:
        times = (window.spikes.step + 1) * DT_MS
        assert ((times > window.start_ms + 1e-9) & (times < window.stop_ms + 1e-9)).all()
    assert sum(len(window.spikes) for window in windows) == len(spikes[0])


def test_iteration_is_lazy(tmp_path, spikes):
    folder = make_run(tmp_path / "run", *spikes)
    shards = sorted((folder / "stores/spikes/rank_00000.zarr/gid/c").iterdir(), key=lambda path: int(path.name))
    assert len(shards) > 10
    windows = open_run(folder).iter_spikes(1.0)
    shards[-1].unlink()
    assert len(next(windows).spikes)  # does not touch the end of the store


@pytest.mark.parametrize("window_ms", [0.05, 0.0, -1.0, 0.25])
def test_windows_are_whole_steps(run, window_ms):
    with pytest.raises(InputError, match=r"^window_ms: .*(whole number of steps of 0\.1 ms|a number above 0)"):
        next(run.iter_spikes(window_ms))


@pytest.mark.parametrize("dt_ms", [0.1, 0.05, 0.3, 1.0, 1 / 3])
def test_times_at_the_edge_of_a_window_do_not_suffer_from_rounding(dt_ms):
    network = {"dt_ms": dt_ms, "n_steps": 10**8, "n_neurons": 50, "populations": POPULATIONS}
    table = NetworkTable(network, Path("network.json"))
    for step in [*range(1000), 12_345_678, 99_999_999]:
        assert table.step_at_or_after(step * dt_ms) == step
        assert table.step_at_or_after(round(step * dt_ms, 9)) == step
        assert table.step_at_or_after((step + 0.01) * dt_ms) == step + 1


def test_single_steps_are_found(run, spikes):
    for step in range(0, N_STEPS, 37):
        got = run.spike_steps(start_ms=step * DT_MS, stop_ms=(step + 1) * DT_MS)[0]
        assert got.tolist() == spikes[0][spikes[0] == step].tolist()


def test_a_window_outside_the_run_is_empty_and_a_reversed_one_refused(run):
    assert len(run.spike_steps(start_ms=1e6)[0]) == 0
    assert list(run.iter_spikes(1.0, start_ms=1e6)) == []
    with pytest.raises(InputError, match=r"start_ms \(5\) must be before stop_ms \(5\)"):
        run.spike_steps(start_ms=5, stop_ms=5)


def test_lists_of_populations(run, spikes):
    got = run.spike_steps(["E@left", "I@left"])
    np.testing.assert_array_equal(got[1], spikes[1][spikes[1] < 25])
    np.testing.assert_array_equal(run.spike_steps(["E", "I"])[1], spikes[1])


def test_an_unknown_population_is_named_with_a_suggestion(run):
    with pytest.raises(InputError, match=r"no population or family 'E@lft' in this run \(did you mean 'E@left'"):
        run.spike_steps("E@lft")


def test_spikes_as_a_table(run, spikes):
    table = run.spikes_pandas("I")
    chosen = ~FAMILY_E[spikes[1]]
    assert list(table.columns) == ["time_ms", "neuron", "population", "step", "gid"]
    np.testing.assert_array_equal(table.gid, spikes[1][chosen])
    np.testing.assert_allclose(table.time_ms, (spikes[0][chosen] + 1) * DT_MS)
    assert (table.population.astype(str) == np.where(table.gid < 25, "I@left", "I@right")).all()


def test_spikes_come_in_ms_with_the_index_within_the_population(run, spikes):
    steps, gids = spikes
    for name, first, stop in (("E@left", 0, 10), ("E@right", 10, 25), ("I@left", 25, 45), ("I@right", 45, 60)):
        entry = run.populations.set_index("name").loc[name]
        first, stop = int(entry["gid0"]), int(entry["gid0"] + entry["size"])
        inside = (gids >= first) & (gids < stop)
        time_ms, neuron = run.spikes(name)
        np.testing.assert_allclose(time_ms, (steps[inside] + 1) * DT_MS)
        np.testing.assert_array_equal(neuron, gids[inside].astype(int) - first)
        assert (time_ms.dtype, neuron.dtype) == (np.float64, np.int64)
        assert 0 <= neuron.min() <= neuron.max() < stop - first


def test_spikes_of_several_populations_say_which_each_is_of(run, spikes):
    found = run.spikes(["I", "E@left"], start_ms=2, stop_ms=30)
    names = np.array(found.populations)[found.population]
    table = run.populations.set_index("name")
    np.testing.assert_array_equal(found.neuron + table.loc[names, "gid0"].to_numpy(), found.gid)
    np.testing.assert_allclose(found.time_ms, (found.step + 1) * DT_MS)
    np.testing.assert_array_equal((found.step, found.gid), run.spike_steps(["I", "E@left"], start_ms=2, stop_ms=30))
    assert set(names) == {"I@left", "I@right", "E@left"} == set(found.chosen)
    assert len(found) == len(found.gid) == len(found.to_pandas())
    assert repr(found).startswith(f"<{len(found):,} spikes of E@left, I@left, I@right from ")
    with pytest.raises(InputError, match=r"of E@left, I@left and 1 more, whose neurons are each numbered from 0"):
        list(found)
    assert len(run.spikes("E@left", start_ms=1e6)) == 0
    assert repr(run.spikes("E@left", start_ms=1e6)) == "<0 spikes of E@left>"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"population": 3}, "population: got 3 (allowed: the name of a population, or a list of them)"),
        ({"population": b"E"}, "population: got b'E' (allowed: the name of a population, or a list of them)"),
        ({"population": {"E"}}, "population: got a set of 1 (allowed: the name of a population, or a list of them)"),
        ({"population": (name for name in "E")}, "population: got a generator (allowed: the name of a population, or"),
        ({"population": ["E", 3]}, "population: got ['E', 3] (allowed: the name of a population, or a list of them)"),
        ({"population": "X"}, "population: no population or family 'X' in this run (allowed: E, E@left, "),
        ({"start_ms": "1"}, "start_ms: got '1' (allowed: a number)"),
        ({"start_ms": float("nan")}, "start_ms: got .nan (allowed: a number)"),
        ({"stop_ms": float("inf")}, "stop_ms: got .inf (allowed: a number)"),
        ({"stop_ms": True}, "stop_ms: got true (allowed: a number)"),
        ({"stop_ms": 1j}, "stop_ms: got 1j (allowed: a number)"),
        ({"stop_ms": 10**400}, "stop_ms: got a whole number of about 400 digits (allowed: a number)"),
        ({"start_ms": [1]}, "start_ms: got [1] (allowed: a number)"),
        ({"start_ms": 5, "stop_ms": 5}, "start_ms (5) must be before stop_ms (5)"),
    ],
)
def test_wrong_arguments_are_told_by_name(run, arguments, told):
    for read in (run.spikes, run.spike_steps, run.spikes_pandas, lambda **given: next(run.iter_spikes(1.0, **given))):
        with pytest.raises(InputError) as caught:
            read(**arguments)
        assert str(caught.value).startswith(told)
        if "generator" in told:
            break


@pytest.mark.parametrize("k", [-1, 3, "0", None, 1.0, True, float("nan"), [0]])
def test_wrong_entries_are_told_by_name(run, k):
    for read in (run.states, run.weights, run.correlation):
        with pytest.raises(InputError, match=r"^k: got|was not recorded"):
            read(k)
    with pytest.raises(InputError, match=r"^(window_ms|recompute): got"):
        next(run.iter_spikes(k)) if k not in (3, 1.0) or k is True else run.spike_hash(k)


def test_a_window_holds_the_spikes_after_its_start_up_to_its_stop(tmp_path):
    """Spikes of steps 19, 20 and 29, 30 are at 2, 2.1 and 3, 3.1 ms; the first is at 0.1 ms, the last at 40 ms."""
    steps = np.array([0, 19, 20, 29, 30, 399])
    run = open_run(make_run(tmp_path / "run", steps, np.arange(6, dtype=np.uint32)))
    np.testing.assert_allclose(run.spikes_pandas().time_ms, [0.1, 2.0, 2.1, 3.0, 3.1, 40.0])
    assert run.spikes_pandas(start_ms=2.0, stop_ms=3.0).time_ms.tolist() == pytest.approx([2.1, 3.0])
    assert run.spike_steps(start_ms=2.0, stop_ms=3.0)[0].tolist() == [20, 29]
    assert run.spike_steps(start_ms=1.95, stop_ms=2.95)[0].tolist() == [20, 29], (
        "bounds between steps count as the next"
    )
    assert run.spike_steps(stop_ms=0.1)[0].tolist() == [0]
    assert run.spike_steps(start_ms=39.9)[0].tolist() == [399]
    (window,) = run.iter_spikes(1.0, start_ms=2.0, stop_ms=3.0)
    assert (window.start_ms, window.stop_ms, window.spikes.step.tolist()) == (2.0, 3.0, [20, 29])


def test_populations_as_a_table(run):
    table = run.populations
    assert table.name.tolist() == ["E@left", "I@left", "E@right", "I@right"]
    assert table["size"].tolist() == [20, 5, 20, 5]
    assert table.gid0.tolist() == [0, 20, 25, 45]
    assert table.region_index.tolist() == [0, 0, 1, 1]


def test_config_network_and_provenance(run):
    assert run.config["simulation"] == {"duration_ms": 40.0, "dt_ms": 0.1}
    assert run.network["n_neurons"] == 50
    assert (run.ranks, run.dt_ms) == (2, 0.1)
    (run.path / "summary.json").write_text('{"spikes": 3}')
    assert run.summary == {"spikes": 3}
    for percent in (10, 20):  # is read anew every time
        (run.path / "status.json").write_text(json.dumps({"percent": percent}))
        assert run.status == {"percent": percent}


def test_spike_trains_for_neo(run, spikes):
    pytest.importorskip("neo", reason="the extra `neo` is not installed")
    trains = run.spike_trains_neo("I", start_ms=2.0)
    assert [train.annotations["gid"] for train in trains] == [*range(20, 25), *range(45, 50)]
    for train in trains:
        mine = (spikes[1] == train.annotations["gid"]) & (spikes[0] >= 20)
        np.testing.assert_allclose(train.rescale("ms").magnitude, (spikes[0][mine] + 1) * DT_MS)
        assert (float(train.t_start), float(train.t_stop)) == (2.0, 40.0)
        assert train.annotations["population"] == ("I@left" if train.annotations["gid"] < 25 else "I@right")


@pytest.mark.parametrize("dt_ms", [0.1, 0.3, 1 / 3])
def test_a_spike_train_of_neo_may_end_with_its_window(tmp_path, dt_ms):
    pytest.importorskip("neo", reason="the extra `neo` is not installed")
    folder = make_run(tmp_path / "run", np.arange(N_STEPS), np.zeros(N_STEPS, np.uint32))
    network = json.loads((folder / "network.json").read_text())
    (folder / "network.json").write_text(json.dumps(network | {"dt_ms": dt_ms}))
    run = open_run(folder)
    for stop in (1, 3, 7, 29, 399, 400):
        train = run.spike_trains_neo("E@left", stop_ms=stop * dt_ms)[0]
        assert len(train) == stop
        assert float(train.t_start) == 0.0 < float(train[0])
        assert float(train[-1]) == float(train.t_stop) == pytest.approx(stop * dt_ms)


def test_without_neo_the_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "neo", None)
    with pytest.raises(MissingDependencyError, match=r"neo cannot be imported.*pip install 'dtbsim\[neo\]'"):
        run.spike_trains_neo("I")


def test_what_is_not_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such run folder"):
        open_run(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"it has no config\.yaml"):
        open_run(tmp_path)


@pytest.mark.parametrize("name", ["network", "provenance", "status", "summary"])
@pytest.mark.parametrize("content", [None, "", "{", "[]"])
def test_missing_and_damaged_files_are_named(run, name, content):
    file = run.path / f"{name}.json"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=rf"{name}\.json: (a piece|damaged|expected a JSON object).* \(.*\)"):
        getattr(run, name)


@pytest.mark.parametrize("content", ["[1, 2]", "a: [", "\x00"])
def test_a_damaged_config_is_named(run, content):
    (run.path / "config.yaml").write_text(content)
    with pytest.raises(InputError, match=r"config\.yaml: (damaged|this is not a configuration)"):
        _ = run.config


@pytest.mark.parametrize(
    "change",
    [
        {"dt_ms": None},
        {"populations": [{"name": "E"}]},
        {"populations": "E"},
        {"n_neurons": 51},
        {"populations": []},
    ],
)
def test_a_network_that_makes_no_sense_is_refused(run, change):
    file = run.path / "network.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match=r"network\.json: (network description|populations do not follow)"):
        run.spike_steps()


@pytest.mark.parametrize("ranks", [None, 0, "2"])
def test_a_number_of_ranks_that_makes_no_sense_is_refused(run, ranks):
    (run.path / "provenance.json").write_text(json.dumps({"ranks": ranks}))
    with pytest.raises(InputError, match=r"provenance\.json: 'ranks' must be a positive number"):
        run.spike_steps()


def test_spikes_that_were_not_recorded(tmp_path):
    (tmp_path / "config.yaml").write_text("name: x\n")
    (tmp_path / "provenance.json").write_text('{"ranks": 1}')
    with pytest.raises(InputError, match=r"stores/spikes: this was not recorded \(run with record\.spikes set\)"):
        _ = open_run(tmp_path).spike_store


def test_the_names_of_the_package_load_nothing_heavy():
    program = (
        "import sys, dtbsim.store, dtbsim.run_folder\n"
        "print(sorted({'zarr', 'pandas', 'xarray', 'neo', 'ruamel.yaml'} & set(sys.modules)))\n"
        "print(dtbsim.store.open_run.__name__, 'zarr' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "open_run False"]
