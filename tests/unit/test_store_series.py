"""States, rates and BOLD into their stores and out again as xarray."""

from __future__ import annotations

import numpy as np
import pytest
from store_runs import make_run, spikes_of_a_run

from dtbsim.errors import InputError
from dtbsim.store.run import open_run
from dtbsim.store.series_writers import BoldWriter, RateWriter, StateWriter

STATES = "states: [{population: E, variables: [V_m_mV, I_syn_pA]}, {population: I, variables: [v]}]"


@pytest.fixture
def folder(tmp_path):
    return make_run(tmp_path / "run", *spikes_of_a_run(1, 50), ranks=3, record=STATES)


def write_states(folder, owners, n_samples, *, k=0, variables=("V_m_mV", "I_syn_pA"), close=True):
    """Value of (sample, gid, variable): 1000 * sample + gid + variable / 10."""
    steps = np.arange(n_samples, dtype=np.int64) * 5
    for rank, gids in enumerate(owners):
        gids = np.array(gids, np.uint32)
        writer = StateWriter(folder / f"stores/states/{k}", rank, gids, variables, interval_steps=5)
        values = (
            1000.0 * np.arange(n_samples)[:, None, None]
            + gids[None, :, None]
            + np.arange(len(variables))[None, None, :] / 10
        ).astype(np.float32)
        for part in np.array_split(np.arange(n_samples), 4):
            writer.append(steps[part], values[part])
        if close:
            writer.close()


@pytest.mark.parametrize("n_samples", [0, 1, 37])
def test_states_of_all_ranks_come_in_the_order_of_the_gids(folder, n_samples):
    write_states(folder, [[22, 3], [], [1, 47, 30]], n_samples)
    states = open_run(folder).states(0)
    assert states.gid.values.tolist() == [1, 3, 22, 30, 47]
    assert states.population.values.tolist() == ["E@left", "E@left", "I@left", "E@right", "I@right"]
    np.testing.assert_allclose(states.time_ms, 0.5 * np.arange(n_samples) + 0.1)  # the end of the step
    assert set(states.data_vars) == {"V_m_mV", "I_syn_pA"}
    for i, name in enumerate(("V_m_mV", "I_syn_pA")):
        expected = 1000.0 * np.arange(n_samples)[:, None] + states.gid.values[None, :] + i / 10
        np.testing.assert_array_equal(states[name], expected.astype(np.float32))
        assert states[name].dtype == np.float32


def test_states_of_more_than_a_shard(folder):
    gids = np.arange(50)
    write_states(folder, [gids[:40], gids[40:], []], 9000, variables=("V_m_mV",))
    assert len(list((folder / "stores/states/0/rank_00000.zarr/values/c").iterdir())) > 1
    v = open_run(folder).states(0)["V_m_mV"]
    np.testing.assert_array_equal(v, 1000.0 * np.arange(9000, dtype=np.float32)[:, None] + gids[None, :])


def test_states_do_not_depend_on_the_ranks(tmp_path):
    found = []
    for ranks, owners in ((1, [[4, 9, 30]]), (2, [[30], [9, 4]]), (3, [[9], [4], [30]])):
        folder = make_run(tmp_path / str(ranks), *spikes_of_a_run(1, 50), ranks=ranks, record=STATES)
        write_states(folder, owners, 10)
        found.append(open_run(folder).states())
    assert found[0].identical(found[1])
    assert found[0].identical(found[2])


def test_of_ranks_that_stored_unequally_the_common_samples_are_shown(folder):
    write_states(folder, [[1], [2], [3]], 10)
    for k, samples in ((0, 10), (1, 7), (2, 9)):
        writer = StateWriter(folder / "stores/states/1", k, np.array([k], np.uint32), ["v"], 5)
        writer.append(np.arange(samples, dtype=np.int64), np.zeros((samples, 1, 1), np.float32))
        writer.close()
    assert open_run(folder).states(1).sizes == {"time_ms": 7, "gid": 3}


def test_states_of_ranks_that_disagree_are_refused(folder):
    for rank in range(3):
        writer = StateWriter(folder / "stores/states/0", rank, np.array([rank], np.uint32), ["v"], 5)
        writer.append(np.array([rank // 2], np.int64), np.zeros((1, 1, 1), np.float32))
        writer.close()
    with pytest.raises(InputError, match=r"rank_00002\.zarr: variables or steps differ"):
        open_run(folder).states(0)


def test_what_was_not_recorded_is_named(folder):
    run = open_run(folder)
    with pytest.raises(InputError, match=r"k: got 2 \(allowed: an entry of record.states from 0 to 1\)"):
        run.states(2)
    with pytest.raises(InputError, match=r"rates\.zarr: this was not recorded \(run with record\.rate_bin_ms"):
        run.rates()
    with pytest.raises(InputError, match=r"bold\.zarr: this was not recorded \(run with bold set"):
        run.bold()


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_rates_are_counts_per_neuron_and_second(folder, dtype):
    counts = np.random.default_rng(2).integers(0, 100, (700, 2)).astype(dtype)
    writer = RateWriter(folder / "stores/rates.zarr", ["E@left", "I@left"], [20, 5], 2.0, start_ms=10.0)
    writer.append(counts[:3])
    writer.append(counts[3:])
    writer.close()
    rates = open_run(folder).rates()
    assert rates.dims == ("time_ms", "population")
    np.testing.assert_allclose(rates, counts / np.array([20, 5]) / 0.002)
    assert rates.time_ms.values[[0, 1, -1]].tolist() == [10.0, 12.0, 10.0 + 2 * 699]
    assert rates.population.values.tolist() == ["E@left", "I@left"]
    assert rates.attrs == {"units": "Hz", "bin_ms": 2.0, "start_ms": 10.0}


def test_counts_beyond_32_bits_are_kept(folder):
    writer = RateWriter(folder / "stores/rates.zarr", ["E"], [2**32], 1000.0)
    writer.append(np.array([[3 * 2**32]]))
    writer.close()
    assert open_run(folder).rates().values.tolist() == [[3.0]]


@pytest.mark.parametrize(("first_ms", "first_s"), [(None, 0.72), (10_000.0, 10.0)])
def test_bold_comes_back_bit_for_bit(folder, first_ms, first_s):
    samples = np.random.default_rng(2).normal(size=(1000, 80))
    names = [f"region {i}" for i in range(80)]
    writer = BoldWriter(folder / "stores/bold.zarr", names, 720.0, first_ms=first_ms)
    for row in samples:
        writer.append(row[None])
    writer.close()
    bold = open_run(folder).bold()
    assert bold.dims == ("time_s", "region")
    np.testing.assert_array_equal(bold, samples)
    np.testing.assert_allclose(bold.time_s, first_s + 0.72 * np.arange(1000))
    assert bold.region.values.tolist() == names


def test_wrong_shapes_are_refused(tmp_path):
    rates = RateWriter(tmp_path / "r.zarr", ["a", "b"], [1, 1], 1.0)
    with pytest.raises(ValueError, match=r"counts must have shape \(3, 2\), got \(3, 1\)"):
        rates.append(np.zeros((3, 1), np.int64))
    bold = BoldWriter(tmp_path / "b.zarr", ["a", "b"], 1.0)
    with pytest.raises(ValueError, match="samples must have shape"):
        bold.append(np.zeros(2))
    states = StateWriter(tmp_path / "s", 0, np.zeros(3, np.uint32), ["v"], 1)
    with pytest.raises(ValueError, match="values must have shape"):
        states.append(np.zeros(2, np.int64), np.zeros((1, 3, 1), np.float32))
    with pytest.raises(ValueError, match="2 population names but 1 sizes"):
        RateWriter(tmp_path / "x.zarr", ["a", "b"], [1], 1.0)
