"""A GPU gives the states of mean-field regions of the CPU: all models, ensembles, drives, chunks, beside neurons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.region_device_runs import MODELS_FILE, hashes_of, on_cpu, on_device, one_of_each
from tests.unit import test_region_hybrid as hybrid
from tests.unit import test_region_inputs as inputs
from tests.unit import test_region_network as regions

from dtbsim.backends.cuda import region_plan
from dtbsim.simulate import run


def test_every_model(device: Any, tmp_path: Path) -> None:
    assert hashes_of(one_of_each(tmp_path), device) == json.loads(MODELS_FILE.read_text())


@pytest.mark.parametrize("chunk", [7, 10**9])
def test_members_delays_differences_and_noise(device: Any, tmp_path: Path, chunk: int) -> None:
    for changes in ({}, {"ensemble": regions.ENSEMBLE}):
        config = regions._mixed(tmp_path, **changes)
        (found, samples), (expected, others) = on_device(config, device, chunk), on_cpu(config)
        assert found == expected
        for one, other in zip(samples, others, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("chunk", [7, 10**9])
def test_drives(device: Any, tmp_path: Path, chunk: int) -> None:
    for changes in ({}, {"ensemble": inputs.ENSEMBLE}):
        config = inputs._all(tmp_path, **changes)
        (found, samples), (expected, others) = on_device(config, device, chunk), on_cpu(config)
        assert found == expected
        for one, other in zip(samples, others, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("least_work", [10**9, 0])
def test_neurons_and_regions(tmp_path: Path, monkeypatch: Any, least_work: int) -> None:
    monkeypatch.setattr(region_plan, "LEAST_WORK", least_work)
    config, found = hybrid._config(tmp_path), {}
    for backend in ("cpu", "cuda"):
        config.simulation.backend = backend
        found[backend] = run(config, out=tmp_path / backend, report=False).summary
    for key in ("spike_hash", "state_hash"):
        assert found["cuda"][key] == found["cpu"][key]
