"""Spikes of neurons beyond number 2^32 in stores, and all that reads them: as those of neurons below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.report_folder import write_run

import dtbsim
from dtbsim.store.spike_writer import SpikeWriter

WIDE = 2**32


def run_with(folder: Path, pad: int) -> Any:
    """A run of 200 E and 50 I neurons after `pad` others, which are silent."""
    sizes = {"pad": pad, "E": 200, "I": 50}
    populations = [
        {"name": name, "family": name, "region": None, "region_index": -1, "size": size} for name, size in sizes.items()
    ]
    return write_run(folder, populations, [0.0, 4.0, 9.0], duration_ms=1000.0, ranks=2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    folder = tmp_path_factory.mktemp("runs")
    return tuple(dtbsim.open_run(run_with(folder / name, pad)) for name, pad in (("wide", WIDE), ("narrow", 100)))  # type: ignore[return-value]


def test_spikes_are_read_with_their_ids(runs: tuple[Any, Any]) -> None:
    wide, narrow = runs
    steps, gids = wide.spike_steps()
    below = narrow.spike_steps()
    assert (gids.dtype, below[1].dtype) == (np.int64, np.uint32)
    assert gids.size > 500
    assert np.array_equal(steps, below[0])
    assert np.array_equal(gids, below[1].astype(np.int64) + WIDE - 100)
    assert np.array_equal(wide.spikes("I").neuron, narrow.spikes("I").neuron)
    table, other = wide.spikes_pandas("E"), narrow.spikes_pandas("E")
    assert table[["time_ms", "neuron", "population"]].equals(other[["time_ms", "neuron", "population"]])
    assert (table["gid"] >= WIDE).all()


def test_the_hash_is_that_of_the_ids(runs: tuple[Any, Any]) -> None:
    wide, narrow = (dtbsim.hash_run(run.path, recompute=True).digest for run in runs)
    assert wide != narrow


def test_the_report_shows_the_same(runs: tuple[Any, Any]) -> None:
    wide, narrow = runs
    for run in runs:
        dtbsim.write_report(run.path)
    assert (wide.path / "report.html").stat().st_size == pytest.approx(
        (narrow.path / "report.html").stat().st_size, rel=0.1
    )


def test_a_store_takes_ids_of_its_width_alone(tmp_path: Path) -> None:
    writer = SpikeWriter(tmp_path, 0, gid_dtype=np.int64)
    with pytest.raises(TypeError, match="gids of this run are int64, got uint32"):
        writer.append(np.zeros(1, np.int64), np.zeros(1, np.uint32))
    writer.append(np.zeros(1, np.int64), np.array([WIDE]))
    writer.close()
