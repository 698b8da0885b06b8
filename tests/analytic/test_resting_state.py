"""The resting-state example as it stands: free-running, irregular, and its connectivity resembles the measured one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dtbsim
from dtbsim.analysis.fc import fc_correlation, functional_connectivity
from dtbsim.analysis.spikes import cv_per_neuron, inter_spike_intervals

EXAMPLE = Path(__file__).parents[2] / "examples" / "resting_state.yaml"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return dtbsim.run(EXAMPLE, out=tmp_path_factory.mktemp("resting") / "run")


def test_ten_minutes_fit_the_measured_connectivity_better_than_the_structure_does(result: Any) -> None:
    run, atlas = result.open(), dtbsim.load_atlas("aal2")
    bold = run.bold()
    assert bold.shape == (833, 80)
    r = fc_correlation(functional_connectivity(bold.values), atlas.fc)
    assert r == pytest.approx(result.summary["fc_correlation"], abs=1e-6)
    assert r >= 0.58
    assert fc_correlation(np.asarray(atlas.weights, dtype=float), atlas.fc) < 0.35


def test_rates_are_low_and_spiking_is_irregular(result: Any) -> None:
    run = result.open()
    table = run.populations
    for family, (low, high) in {"cortex.E": (1.0, 15.0), "cortex.I": (1.0, 15.0)}.items():
        chosen = table[table["family"] == family]
        rates = run.rates().sel(population=list(chosen["name"]), time_ms=slice(100_000, None)).mean("time_ms")
        assert low < float(rates.min())
        assert float(rates.max()) < high
        steps, gids = run.spike_steps(family)
        gid0, stop = int(chosen["gid0"].min()), int((chosen["gid0"] + chosen["size"]).max())
        cv = cv_per_neuron(inter_spike_intervals(steps, gids, gid0=gid0, size=stop - gid0), min_spikes=4)
        assert 0.7 < float(np.nanmean(cv)) < 1.3
