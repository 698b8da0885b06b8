"""xarray opens every store of a run: its arrays carry the names of their dimensions."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from tests.helpers.rich_run import write_rich_config

import dtbsim
from dtbsim.store import StateWriter
from dtbsim.store.run import Run

DIMENSIONS = {
    "spikes/rank_00000.zarr": {"step": ("spike",), "gid": ("spike",)},
    "rates.zarr": {"count": ("time", "population")},
    "bold.zarr": {"bold": ("time", "region")},
    "states/0/rank_00000.zarr": {"step": ("time",), "values": ("time", "neuron", "variable"), "gid": ("neuron",)},
    "weights/0/rank_00000.zarr": {
        "step": ("time",),
        "weight": ("time", "synapse"),
        "source": ("synapse",),
        "target": ("synapse",),
        "delay": ("synapse",),
    },
    "correlations/0.zarr": {"bins": ("snapshot",), "spikes": ("snapshot", "side"), "count": ("snapshot", "lag")},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("zarr")
    return dtbsim.run(write_rich_config(folder / "given"), out=folder / "run").open()


def opened(path: Path) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return xr.open_zarr(path, consolidated=False)


def test_every_store_is_opened_with_its_dimensions(run: Run) -> None:
    stores = sorted(str(path.relative_to(run.path / "stores")) for path in (run.path / "stores").rglob("*.zarr"))
    assert stores == sorted(DIMENSIONS)
    for name, dimensions in DIMENSIONS.items():
        data = opened(run.path / "stores" / name)
        assert {key: array.dims for key, array in data.variables.items()} == dimensions, name
        assert data.attrs["kind"]
        data.load()
        with pytest.warns(RuntimeWarning, match="consolidated"):  # it looks for what the specification does not have
            xr.testing.assert_identical(xr.open_zarr(run.path / "stores" / name).load(), data)


def test_the_values_are_those_of_the_reader(run: Run) -> None:
    stores = run.path / "stores"
    np.testing.assert_array_equal(opened(stores / "spikes/rank_00000.zarr")["gid"], run.spike_steps()[1])
    np.testing.assert_array_equal(opened(stores / "bold.zarr")["bold"], run.bold())
    np.testing.assert_array_equal(
        opened(stores / "states/0/rank_00000.zarr")["values"][:, :, 0], run.states()["V_m_mV"]
    )
    rates = opened(stores / "rates.zarr")
    sizes = np.array(rates.attrs["sizes"]) * rates.attrs["bin_ms"] * 1e-3
    np.testing.assert_allclose(rates["count"] / sizes, run.rates())


def test_a_store_without_neurons_and_one_that_is_open(tmp_path: Path) -> None:
    writer = StateWriter(tmp_path, 0, np.empty(0, np.uint32), ["V_m_mV"], 1)
    opened(tmp_path / "rank_00000.zarr").load()
    writer.append(np.arange(3), np.empty((3, 0, 1), np.float32))
    writer.close()
    data = opened(tmp_path / "rank_00000.zarr").load()
    assert dict(data.sizes) == {"time": 3, "neuron": 0, "variable": 1}
